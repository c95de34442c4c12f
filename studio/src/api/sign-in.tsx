import { useSignal } from "@preact/signals";
import { enter } from "../app";
import { answered, api } from "./client";
import { needsSignIn } from "./session";
import { socket } from "./sockets";

/** Shown where the server has sign-in switched on. */
export const SignIn = () => {
  const trouble = useSignal("");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement, event.submitter);
    const body = { email: String(fields.get("email")), password: String(fields.get("password")) };
    const invitation = /^#\/share\/(\w[\w-]*)/.exec(location.hash)?.[1] ?? null;
    try {
      await answered(
        fields.get("how") === "register"
          ? api.POST("/api/auth/register", { body: { ...body, invitation } })
          : api.POST("/api/auth/login", { body }),
      );
      needsSignIn.value = false;
      socket.disconnect(); // a connection belongs to whoever opened it
      void enter();
    } catch (error) {
      trouble.value = (error as Error).message;
    }
  };

  return (
    <main class="alone">
      <form class="card sign-in" onSubmit={submit}>
        <h1>Sign in</h1>
        <label>
          E-mail
          <input name="email" type="email" autocomplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" minLength={8} required />
        </label>
        <p class="trouble" role="alert">
          {trouble}
        </p>
        <div class="row">
          <button class="primary" type="submit" name="how" value="login">
            Sign in
          </button>
          <button type="submit" name="how" value="register">
            Create an account
          </button>
        </div>
      </form>
    </main>
  );
};
