import "../styles.css";
import "./status.css";
import { render } from "preact";
import { StatusPage } from "./page";

render(<StatusPage />, document.querySelector("#status") as HTMLElement);
