// The page where the studio was not built: says how the server is, and gives way as soon as there is another page.
"use strict";

const LOOK_INTERVAL = 2000; // milliseconds
const WORDS = {
  healthy: "Healthy: everything that it needs works.",
  degraded: "It works, but something that it can use is failing.",
  unhealthy: "Its database does not answer.",
};
const $ = (id) => document.getElementById(id);

const showHealth = async () => {
  try {
    const { status } = await (await fetch("/health")).json();
    $("health").dataset.state = status;
    $("health").textContent = WORDS[status];
  } catch {
    $("health").dataset.state = "unreachable";
    $("health").textContent = "The server does not answer. Is it still running?";
  }
};

const look = async () => {
  try {
    const there = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    if (there.getElementById("calls") === null) location.reload();
    else $("studio").textContent = there.getElementById("studio").textContent;
  } catch {
    // the server is away for a moment
  }
};

$("calls").textContent = $("calls").textContent.replaceAll("http://localhost:3001", location.origin);
showHealth();
setInterval(look, LOOK_INTERVAL);
