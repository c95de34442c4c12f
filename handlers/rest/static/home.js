// The front page: says how the server is, makes a beat and plays it. Uses documented calls alone.
"use strict";

const POLL_INTERVAL = 400; // milliseconds
const $ = (id) => document.getElementById(id);

const call = async (path, options = {}) => {
  const token = $("token").value.trim();
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...options.headers };
  let reply;
  try {
    reply = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const body = await reply.json().catch(() => ({}));
  if (reply.status === 401) {
    $("token-field").hidden = false;
    throw new Error(`${body.error ?? "Sign in first."} Register at /docs (POST /api/auth/register) and paste the access token here.`);
  }
  if (!reply.ok && reply.status !== 503) throw new Error(body.error ?? `The server answered with ${reply.status}.`);
  if (body.success === false) throw new Error(body.error);
  return body;
};

const showHealth = async () => {
  const words = {
    healthy: "Healthy: everything that it needs works.",
    degraded: "It works, but something that it can use is failing.",
    unhealthy: "Its database does not answer.",
  };
  try {
    const health = await call("/health");
    $("health").dataset.state = health.status;
    const missing = Object.entries(health.services).filter(([, state]) => state === "unconfigured");
    const names = { ai_brain: "chat", realtime_voice: "speech" };
    const without = missing.map(([name]) => names[name] ?? name).join(" and ");
    $("health").textContent = words[health.status] + (without ? ` A key would add ${without}.` : "");
  } catch (error) {
    $("health").dataset.state = "unreachable";
    $("health").textContent = error.message;
  }
};

const showGenres = async () => {
  const { genres } = await call("/api/generate/genres");
  const chosen = $("genre").value;
  $("genre").replaceChildren(
    ...genres.map(({ name }) => Object.assign(document.createElement("option"), { value: name, textContent: name })),
  );
  $("genre").value = chosen;
};

const say = (words, kind = "news") => {
  $("progress").dataset.kind = kind;
  $("progress").textContent = words;
};

const ended = async (jobId) => {
  for (;;) {
    const status = await call(`/api/generate/status/${jobId}?shape=flat`);
    if (status.state === "completed") return;
    if (status.state === "failed" || status.state === "cancelled") {
      throw new Error(status.error ?? `The beat was ${status.state}.`);
    }
    say(status.state === "waiting" ? "Waiting for its turn …" : `${status.stage || "Working"}: ${status.progress} %`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
  }
};

const makeBeat = async () => {
  const body = JSON.stringify({ genre: $("genre").value, duration: Number($("duration").value) });
  say("Asking for a beat …");
  const job = await call("/api/generate/beat", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  await ended(job.jobId);
  const { result } = (await call(`/api/generate/result/${job.jobId}`)).result;
  const player = $("player");
  player.src = result.audioUrl;
  player.hidden = false;
  const links = Object.entries(result.urls ?? {}).map(([format, href]) =>
    Object.assign(document.createElement("a"), { href, textContent: format }),
  );
  $("files").replaceChildren("Take it with you: ", ...links.flatMap((link, n) => (n ? [" · ", link] : [link])));
  say("Here it is.");
  await player.play().catch(() => say("Here it is: press play."));
};

$("wish").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("make").disabled = true;
  try {
    await makeBeat();
  } catch (error) {
    say(error.message, "error");
  } finally {
    $("make").disabled = false;
  }
});

$("calls").textContent = $("calls").textContent.replaceAll("http://localhost:3001", location.origin);
showHealth();
showGenres().catch(() => {}); // the one genre that the page knows is enough
