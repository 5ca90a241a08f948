import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildPage } from "../../scripts/build-page.ts";

/** Where Chromium lies; null where there is none, so that tests which need it are skipped. `MDP_CHROMIUM` names another place. */
export function chromiumPath(): string | null {
  const places = [process.env["MDP_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"];
  return places.find((path) => path !== undefined && existsSync(path)) ?? null;
}

/** What a page did that it may not do. */
export interface Faults {
  /** Errors of scripts and messages of errors on the console. */
  readonly errors: string[];
  /** Addresses that were asked for besides the page itself. */
  readonly requests: string[];
}

/** A browser for the tests of a file. */
export interface TestBrowser {
  /** Opens HTML from disk, as a user does. */
  readonly open: (
    html: string,
    options?: { readonly width?: number; readonly scheme?: "light" | "dark" },
  ) => Promise<{ readonly page: Page; readonly faults: Faults }>;
  /** Opens an address. */
  readonly visit: (address: string) => Promise<{ readonly page: Page; readonly faults: Faults }>;
  readonly close: () => Promise<void>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error("There is no Chromium.");
  const browser: Browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const folder = mkdtempSync(join(tmpdir(), "mdp-page-"));
  let pages = 0;
  const watched = async (
    address: string,
    { width = 1400, scheme = "light" }: { width?: number; scheme?: "light" | "dark" } = {},
  ): Promise<{ page: Page; faults: Faults }> => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    page.setDefaultTimeout(20_000);
    const faults: Faults = { errors: [], requests: [] };
    page.on("pageerror", (error) => faults.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.errors.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (url !== address && !/^(?:blob|data):/.test(url)) faults.requests.push(url);
    });
    await page.goto(address);
    return { page, faults };
  };
  return {
    open: (html, options) => {
      pages += 1;
      const path = join(folder, `page${pages}.html`);
      writeFileSync(path, html);
      return watched(pathToFileURL(path).href, options);
    },
    visit: (address) => watched(address),
    close: async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The page's program, bundled from the sources into a folder of its own, which the caller removes. */
export async function bundleForTests(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-bundle-"));
  await buildPage(folder);
  return folder;
}
