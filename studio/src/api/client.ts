import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "../generated/rest";
import { needsSignIn } from "./session";

export type Schemas = components["schemas"];

const watchful: Middleware = {
  onResponse: ({ request, response }) => {
    if (response.status === 401 && !new URL(request.url).pathname.startsWith("/api/auth/")) needsSignIn.value = true;
  },
};

/** Every route of `/openapi.json`, with its types. */
export const api = createClient<paths>({ baseUrl: location.origin });
api.use(watchful);

type Outcome<Data> = { data?: Data; error?: unknown; response: Response };

/** What a call was answered with. Throws an `Error` in the server's own words when it was refused. */
export const answered = async <Data>(call: Promise<Outcome<Data>>): Promise<NonNullable<Data>> => {
  const { data, error, response } = await call.catch(() => {
    throw new Error("The server does not answer. Is it still running?");
  });
  if (data !== undefined && data !== null) return data;
  const told = (error as Schemas["Error"] | undefined)?.error;
  throw new Error(told ?? `The server answered with ${response.status}.`);
};
