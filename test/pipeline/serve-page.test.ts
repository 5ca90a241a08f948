import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedPage, servePage } from "../../src/pipeline/explore/serve-page.ts";

const PAGE = "<!doctype html><p>page</p>";
const stop = new AbortController();
let served: ServedPage;
let url: URL;

beforeAll(async () => {
  served = await servePage(PAGE, 0, stop.signal);
  url = new URL(served.address);
});
afterAll(async () => {
  stop.abort();
  await served.closed;
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(
  path: string,
  {
    method = "GET",
    headers = {},
  }: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: url.port, path, method, headers }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => {
        body += text;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("the whole address opens the page", async () => {
  expect(await ask(url.pathname)).toEqual({ status: 200, body: PAGE });
  expect(await ask(url.pathname, { method: "HEAD" })).toEqual({ status: 200, body: "" });
  expect(url.hostname).toBe("127.0.0.1");
  expect(url.pathname.length).toBeGreaterThan(20);
});

test.each([
  ["no token", "/"],
  ["a wrong token", `/${"A".repeat(24)}/`],
  ["a part of the token", () => url.pathname.slice(0, -2)],
  ["the token in capitals", () => url.pathname.toUpperCase()],
  ["a path below the token", () => `${url.pathname}etc/passwd`],
  ["a path that leads up", () => `${url.pathname}../../../etc/passwd`],
  ["an encoded path that leads up", () => `${url.pathname}%2e%2e/%2e%2e/etc/passwd`],
  ["the token behind a path that leads up", () => `/../..${url.pathname}`],
  ["a query", () => `${url.pathname}?file=/etc/passwd`],
  ["a null byte", () => `${url.pathname}%00`],
])("%s opens nothing", async (_, path) => {
  const asked = typeof path === "string" ? path : path();
  expect(await ask(asked)).toEqual({ status: 404, body: "" });
});

test.each([
  ["another origin", { origin: "https://example.org" }],
  ["another port of this machine", { origin: "http://127.0.0.1:1" }],
  ["a sandboxed frame", { origin: "null" }],
  ["a page of another site", { "sec-fetch-site": "cross-site" }],
  ["a page of the same site, another port", { "sec-fetch-site": "same-site" }],
  ["a name that was made to lead here", { host: "evil.example" }],
  ["the right name with another port", { host: "127.0.0.1:1" }],
])("a request of %s is refused, the token notwithstanding", async (_, headers) => {
  expect(await ask(url.pathname, { headers: headers as Record<string, string> })).toEqual({
    status: 403,
    body: "",
  });
});

test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])(
  "%s is refused",
  async (method) => {
    expect((await ask(url.pathname, { method })).status).toBe(405);
  },
);

test("the page's own origin is let in", async () => {
  const headers = { origin: url.origin, "sec-fetch-site": "same-origin" };
  expect((await ask(url.pathname, { headers })).status).toBe(200);
});

test("a path that no client would send as it is opens nothing", async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(url.port), "127.0.0.1", () => {
      socket.write(
        `GET ${url.pathname}../x HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`,
      );
    });
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toContain("page");
});
