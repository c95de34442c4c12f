import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { answered, api, type Schemas } from "../api/client";

const EVERY = 2000; // ms
type Status = Schemas["OperatorStatus"];

/** For whoever runs the server: how it is at this moment. Asks again every two seconds while it is looked at. */
export const StatusPage = () => {
  const status = useSignal<Status | null>(null);
  const trouble = useSignal("");
  const token = useSignal(sessionStorage.getItem("dawg.operator") ?? "");

  const load = async () => {
    const headers = token.value ? { Authorization: `Bearer ${token.value}` } : {};
    try {
      status.value = await answered(api.GET("/api/status", { headers }));
      trouble.value = "";
    } catch (error) {
      trouble.value = (error as Error).message;
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => !document.hidden && void load(), EVERY);
    return () => clearInterval(timer);
  }, []);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    token.value = String(new FormData(event.currentTarget as HTMLFormElement).get("token"));
    sessionStorage.setItem("dawg.operator", token.value);
    void load();
  };
  return (
    <main class="status">
      <nav class="row" aria-label="Pages">
        <a href="/">Studio</a>
        <a href="/docs">API</a>
        <a href="/metrics">Metrics</a>
      </nav>
      <h1>Status of this server</h1>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {trouble.value && (
        <form class="row" onSubmit={submit}>
          <label>
            OPERATOR_TOKEN <input name="token" type="password" autocomplete="off" required />
          </label>
          <button type="submit" class="primary">
            Show
          </button>
        </form>
      )}
      {status.value && <Figures status={status.value} />}
    </main>
  );
};

const Figures = ({ status: { health, jobs, costs, sockets, replicas, log } }: { status: Status }) => (
  <div class="figures">
    <Part name="Health">
      <Row name="Server" value={health?.status} />
      {Object.entries(health?.dependencies ?? {}).map(([name, { status, latencyMs }]) => (
        <Row key={name} name={name} value={`${status}${latencyMs == null ? "" : `, ${latencyMs} ms`}`} />
      ))}
    </Part>
    <Part name="Jobs">
      <Row name="running" value={jobs?.running} />
      <Row name="longest wait" value={`${(jobs?.oldestWaitingSeconds ?? 0).toFixed(1)} s`} />
      {Object.entries(jobs?.byState ?? {}).map(([name, count]) => (
        <Row key={name} name={name} value={count} />
      ))}
    </Part>
    <Part name="Costs in USD">
      <Row name="today" value={costs?.today?.toFixed(2)} />
      <Row name="this month" value={costs?.month?.toFixed(2)} />
      <Row name="reserved" value={costs?.reserved?.toFixed(2)} />
      <Row name="budgets used up" value={`${costs?.over ?? 0} of ${costs?.budgets ?? 0}`} />
    </Part>
    <Part name="Sockets">
      {Object.entries(sockets ?? {}).map(([name, count]) => (
        <Row key={name} name={name} value={count} />
      ))}
    </Part>
    <Part name="Replicas">
      {replicas?.map((name) => (
        <Row key={name} name={name} value="" />
      ))}
    </Part>
    {log && (
      <section class="log" aria-label="Log">
        <h2>Log</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it */}
        <pre tabIndex={0}>{log.join("\n")}</pre>
      </section>
    )}
  </div>
);

const Part = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <section aria-label={name}>
    <h2>{name}</h2>
    <dl>{children}</dl>
  </section>
);

const Row = ({ name, value }: { name: string; value: string | number | undefined }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value ?? "–"}</dd>
  </div>
);
