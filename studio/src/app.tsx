import { useEffect } from "preact/hooks";
import { health, showHealth } from "./api/health";
import { needsSignIn } from "./api/session";
import { SignIn } from "./api/sign-in";
import { BeatForm } from "./beat/form";
import { Lanes } from "./beat/lanes";
import { loadGenres, resumeBeat } from "./beat/store";

export const App = () => {
  useEffect(() => {
    void showHealth();
    void loadGenres();
    resumeBeat();
  }, []);
  return (
    <>
      <header>
        <strong class="mark">DAWG</strong>
        <span class="health" data-state={health.value.state} role="status">
          {health.value.words}
        </span>
        <nav aria-label="Documentation">
          <a href="/docs">REST API</a>
          <a href="/docs/sockets">Socket events</a>
          <a href="/health">Health</a>
        </nav>
      </header>
      <main>
        {needsSignIn.value ? (
          <SignIn />
        ) : (
          <>
            <BeatForm />
            <Lanes />
          </>
        )}
      </main>
    </>
  );
};
