import { signal } from "@preact/signals";

const KEY = "dawg.token"; // for this tab alone

/** The access token of whoever is signed in; in development mode nobody has to be. */
export const token = signal(sessionStorage.getItem(KEY));
export const needsSignIn = signal(false);

export const signedIn = (accessToken: string): void => {
  sessionStorage.setItem(KEY, accessToken);
  token.value = accessToken;
  needsSignIn.value = false;
};

/** The server wants to know who is asking, or no longer believes the token. */
export const signedOut = (): void => {
  sessionStorage.removeItem(KEY);
  token.value = null;
  needsSignIn.value = true;
};
