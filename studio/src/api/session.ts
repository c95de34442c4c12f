import { signal } from "@preact/signals";

/**
 * Whether the server wants to know who is asking. Whoever signs in is known by the cookie that the server sets, which no
 * script can read; in development mode nobody has to.
 */
export const needsSignIn = signal(false);
