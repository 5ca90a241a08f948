import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { quotedWord } from "../../src/core/shell-words.ts";

test("a shell reads every word as it was", () => {
  const words = ["--limit", "params <= 60%", "it's", "$HOME", 'a "b"', "", "*", "net.onnx", "50%"];
  const said = execFileSync("sh", ["-c", `printf '%s\\n' ${words.map(quotedWord).join(" ")}`]);
  expect(said.toString().split("\n").slice(0, -1)).toEqual(words);
  expect(quotedWord("net.onnx")).toBe("net.onnx");
});
