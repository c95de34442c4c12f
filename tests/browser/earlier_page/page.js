// Calls the server as DAWG's first page does: one base address for REST and sockets, a name that means nothing, a CSRF
// token before what writes until it has one, and a token that it renews when the server no longer takes it.
const api = new URLSearchParams(location.search).get("api");
const show = (id, text) => (document.getElementById(id).textContent = text);
const heard = {}; // event -> what came with it
let socket;
let csrf;

const keep = ({ token, refreshToken }) => {
  localStorage.token = token;
  localStorage.refreshToken = refreshToken;
};

const send = async (method, path, body, headers) => {
  const multipart = body instanceof FormData;
  const reply = await fetch(api + path, {
    method,
    credentials: "include",
    headers: { "X-User-Id": "user-123", ...(multipart ? {} : { "Content-Type": "application/json" }), ...headers },
    body: multipart ? body : body && JSON.stringify(body),
  });
  return { status: reply.status, body: await reply.json() };
};

const renew = async () => {
  const { status, body } = await send("POST", "/auth/refresh", { refreshToken: localStorage.refreshToken });
  if (status === 200) keep(body);
  return status;
};

// Most calls. `token: false` is for those that this page makes without it: the cookie says who asks.
const call = async (method, path, body, { token = true } = {}) => {
  if (method !== "GET" && !csrf) {
    const fetched = await send("GET", "/v1/csrf-token");
    if (fetched.status === 200) csrf = fetched.body.csrfToken;
  }
  const headers = () => ({
    ...(csrf ? { "X-CSRF-Token": csrf } : {}),
    ...(token && localStorage.token ? { Authorization: `Bearer ${localStorage.token}` } : {}),
  });
  const reply = await send(method, path, body, headers());
  if (reply.status !== 401 || !localStorage.refreshToken) return reply;
  return (await renew()) === 200 ? send(method, path, body, headers()) : reply;
};

const connect = ({ token = true } = {}) =>
  new Promise((resolve, reject) => {
    socket?.disconnect();
    socket = io(api, {
      forceNew: true,
      withCredentials: true,
      auth: token && localStorage.token ? { token: localStorage.token } : {},
    });
    socket.onAny((event, payload) => (heard[event] ??= []).push(payload));
    socket.on("connect", () => {
      show("socket", socket.nsp);
      resolve(socket.nsp);
    });
    socket.on("connect_error", (error) => reject(new Error(`${error.message} ${JSON.stringify(error.data)}`)));
    socket.on("daw:audio:loaded", ({ clip }) => place(clip));
    socket.on("project:updated", ({ project }) => showProject(project));
  });

const until = async (event, count = 1) => {
  for (let n = 0; n < 1200; n++) {
    if (heard[event]?.length >= count) return heard[event][count - 1];
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${event} did not come; there were ${Object.keys(heard)}`);
};

const place = (clip) => {
  const line = document.createElement("li");
  line.textContent = clip.name ?? clip.id;
  document.getElementById("timeline").append(line);
  document.getElementById("player").src = clip.audioUrl;
};

const showProject = (project) => {
  show("project", project.name);
  show("tempo", project.bpm);
};

const openProject = async (id) => {
  const { body } = await call("GET", `/projects/${id}`);
  showProject(body.project ?? body);
  const ack = await socket.emitWithAck("join:project", { projectId: id });
  if (!ack.success) throw new Error(JSON.stringify(ack));
  localStorage.project = id;
  return body;
};

// One function per answer, which this page runs by itself.
const ask = async (message, options) => {
  const context = { tempo: Number(document.getElementById("tempo").textContent), key: "C", project_name: "Mine" };
  const { status, body } = await call("POST", "/chat", { message, project_context: context }, options);
  show("chat", body.response); // whatever the status is
  const wanted = body.function_call;
  if (wanted?.name === "setTempo") await call("PUT", `/projects/${localStorage.project}`, { bpm: wanted.arguments.bpm });
  return { status, ...body };
};

const level = async () => {
  const data = await (await fetch(document.getElementById("player").src)).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 44100, 44100).decodeAudioData(data);
  const samples = sound.getChannelData(0);
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
};

// The microphone as the first page reads it: 24 kHz, mono, 16 bit, in base64.
const talk = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext({ sampleRate: 24000 });
  const reader = context.createScriptProcessor(2048, 1, 1);
  reader.onaudioprocess = ({ inputBuffer }) => {
    const samples = Int16Array.from(inputBuffer.getChannelData(0), (x) => Math.max(-1, Math.min(1, x)) * 32767);
    socket.emit("send-audio", { audio: btoa(String.fromCharCode(...new Uint8Array(samples.buffer))) });
  };
  socket.on("function-call", ({ name, call_id }) => {
    show("voice", name);
    socket.emit("function-result", { call_id, output: { success: true, message: "Playback started" } });
  });
  socket.emit("start-realtime", { voice: "alloy", projectContext: { project_name: "Mine", tempo: 120 } });
  await until("realtime-connected");
  context.createMediaStreamSource(stream).connect(reader).connect(context.destination);
};
document.getElementById("talk").addEventListener("click", talk);
