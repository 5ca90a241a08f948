import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
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

/** An open page, with what it may not do. */
export interface OpenPage {
  readonly page: Page;
  readonly faults: Faults;
  /** Texts of dialogs: a script from a file that ran would open one. */
  readonly dialogs: readonly string[];
}

/** A browser for the tests of a file. */
export interface TestBrowser {
  /** Opens HTML from disk, as a user does. */
  readonly open: (
    html: string,
    options?: { readonly width?: number; readonly scheme?: "light" | "dark" },
  ) => Promise<OpenPage>;
  /** Opens an address. */
  readonly visit: (address: string) => Promise<OpenPage>;
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
  ): Promise<OpenPage> => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    page.setDefaultTimeout(60_000);
    const faults: Faults = { errors: [], requests: [] };
    page.on("pageerror", (error) => faults.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.errors.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (url !== address && !/^(?:blob|data):/.test(url)) faults.requests.push(url);
    });
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await page.goto(address);
    return { page, faults, dialogs };
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

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe-core finds that is serious or critical, in the page as it is now. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, "utf8"));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run: () => Promise<{
          violations: {
            id: string;
            impact: string;
            nodes: { html: string; failureSummary: string }[];
          }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ html, failureSummary }) => `${html.slice(0, 150)} ${failureSummary}`)
            .join(" | ")}`,
      );
  });
}

/** How wide the page is and how wide its window: it must not scroll sideways. */
export function widths(page: Page): Promise<{ readonly page: number; readonly window: number }> {
  return page.evaluate("({ page: document.documentElement.scrollWidth, window: innerWidth })");
}

/** The page's program, bundled from the sources into a folder of its own, which the caller removes. */
export async function bundleForTests(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-bundle-"));
  await buildPage(folder);
  return folder;
}
