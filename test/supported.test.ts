import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { OPSETS } from "../src/onnx/codes.ts";
import { supportedOps } from "./helpers/supported-ops.ts";

const PAGE = fileURLToPath(new URL("../docs/supported.md", import.meta.url));
const [START, END] = ["<!-- ops: generated -->", "<!-- end of ops -->"];

// MDP_UPDATE=1 writes the table again.
test("docs/supported.md lists the ops as the program treats them", () => {
  const page = readFileSync(PAGE, "utf8");
  const [before = "", rest = ""] = page.split(START);
  const after = rest.split(END)[1] ?? "";
  const wanted = `${before}${START}\n\n${supportedOps()}\n\n${END}${after}`;
  if (process.env["MDP_UPDATE"] === "1") writeFileSync(PAGE, wanted);
  else expect(page).toBe(wanted);
});

test("docs/supported.md names the opsets that are read", () => {
  expect(readFileSync(PAGE, "utf8")).toContain(`opsets ${OPSETS.first} to ${OPSETS.last}`);
});
