import "@asyncapi/react-component/styles/default.min.css";
import "./docs.css";
import AsyncApi from "@asyncapi/react-component/lib/esm/without-parser";
import { render } from "preact";
import { asDocument } from "./document";

const page = document.querySelector("#page") as HTMLElement;
const config = { show: { sidebar: true, servers: false }, expand: { messageExamples: false } };

try {
  const reply = await fetch("/asyncapi.json");
  if (!reply.ok) throw new Error(`The server answered with ${reply.status}.`);
  render(<AsyncApi schema={asDocument(await reply.json())} config={config} />, page);
} catch (error) {
  page.textContent = `The description of the socket events could not be read. ${error}`;
}
