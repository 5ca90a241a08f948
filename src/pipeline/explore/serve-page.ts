import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError } from "../../core/errors.ts";

/** A page that is served until the signal aborts. */
export interface ServedPage {
  /** With the token that opens it. */
  readonly address: string;
  /** Resolves once it is closed. */
  readonly closed: Promise<void>;
}

/**
 * Serves one page on the loopback address alone. Only its whole address, which holds a random token, opens it; requests of other
 * origins or to other host names are refused, and so is everything but reading.
 *
 * @param port 0 takes one that is free
 * @throws InputError `pipeline/port`
 */
export async function servePage(
  page: string,
  port: number,
  signal: AbortSignal,
): Promise<ServedPage> {
  const token = randomBytes(18).toString("base64url");
  const body = Buffer.from(page, "utf8");
  const server = createServer((request, response) => {
    const bound = (server.address() as AddressInfo).port;
    answer(request, response, { body, path: `/${token}/`, port: bound });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(portFailed(port, cause)));
    server.listen(port, "127.0.0.1", () => resolve());
  });
  const { port: bound } = server.address() as AddressInfo;
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  return { address: `http://127.0.0.1:${bound}/${token}/`, closed };
}

interface Served {
  readonly body: Buffer;
  readonly path: string;
  readonly port: number;
}

function answer(request: IncomingMessage, response: ServerResponse, served: Served): void {
  const { body, path, port } = served;
  const status = statusOf(request, path, port);
  response.writeHead(status, {
    "content-type": status === 200 ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : status === 200 ? body : "");
}

function statusOf(
  { method, headers, url = "" }: IncomingMessage,
  path: string,
  port: number,
): number {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  // A name that was made to lead here, and pages of other origins.
  if (!hosts.includes(headers.host ?? "")) return 403;
  const { origin } = headers;
  if (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) return 403;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return 403;
  if (method !== "GET" && method !== "HEAD") return 405;
  return isSame(url, path) ? 200 : 404;
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function portFailed(port: number, cause: Error): InputError {
  return new InputError({
    code: "pipeline/port",
    message: `Port ${port} can't be used: ${cause.message}.`,
    where: `--port ${port}`,
    hint: "Choose another port, or leave --port out for one that is free.",
    cause,
  });
}
