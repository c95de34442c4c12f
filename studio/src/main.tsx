import "./styles.css";
import "./console";
import { render } from "preact";
import { App } from "./app";

render(<App />, document.querySelector("#studio") as HTMLElement);
