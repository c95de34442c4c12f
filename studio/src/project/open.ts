import { answered, api, type Schemas } from "../api/client";
import { open, refused } from "./connection";

const LAST = "dawg.project"; // in this browser's storage
const UNNAMED = "Untitled song";

/** The project that the address names, else one of this person's own. */
export const openSomeProject = async (): Promise<void> => {
  const named = (await fromShareLink()) ?? fromAddress();
  return named ? show(named) : openOwnProject();
};

/** The project that was open last, else the newest, else a new one. */
export const openOwnProject = async (): Promise<void> => {
  const mine = await projects();
  const last = localStorage.getItem(LAST);
  const found = mine.find(({ id }) => id === last) ?? mine[0];
  show(found?.id ?? (await create()));
};

export type ListedProject = Schemas["ListedProject"];

/** The newest of the caller's projects. */
export const projects = async (): Promise<ListedProject[]> => {
  const query = { limit: 50 };
  return (await answered(api.GET("/api/projects", { params: { query } }))).projects;
};

export const show = (projectId: string): void => {
  localStorage.setItem(LAST, projectId);
  history.replaceState(null, "", `#/project/${projectId}`);
  open(projectId);
};

export const createProject = async (): Promise<void> => show(await create());

const create = async (): Promise<string> => (await answered(api.POST("/api/projects", { body: { name: UNNAMED } }))).id;

/** A secret link makes whoever opens it a member. */
const fromShareLink = async (): Promise<string | null> => {
  const token = /^#\/share\/([\w-]+)$/.exec(location.hash)?.[1];
  if (!token) return null;
  const { projectId } = await answered(api.POST("/api/links/{token}/accept", { params: { path: { token } } }));
  return projectId;
};

const fromAddress = (): string | null => /^#\/project\/([\w-]+)$/.exec(location.hash)?.[1] ?? null;

window.addEventListener("hashchange", async () => {
  try {
    const named = (await fromShareLink()) ?? fromAddress();
    if (named) show(named);
  } catch (error) {
    refused.value = (error as Error).message;
  }
});
