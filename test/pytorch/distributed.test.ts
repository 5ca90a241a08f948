import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mdp } from "../helpers/cli.ts";
import { sharedPath } from "../helpers/shared.ts";
import { lacksImages, torchPython } from "../helpers/torch.ts";
import { csvRows, lossCurve, startTraining, untilStep } from "../helpers/training-job.ts";

const python = await torchPython();
const resnet = sharedPath("models/cifar10_resnet20_op13_bn.onnx");
const jpegTrain = sharedPath("datasets/cifar10-jpeg-train.tar.gz");
const jpegTest = sharedPath("datasets/cifar10-jpeg-test-a.tar.gz");
const folder = mkdtempSync(join(tmpdir(), "mdp-distributed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A network at half its latency as a project, and the options with which it is trained for a few steps. */
interface Case {
  readonly project: string;
  readonly data: readonly string[];
  /** Data and limit of `mdp eval`, the same images that the training validates on. */
  readonly evaluated: readonly string[];
}

/** Every so many-th image of an archive as a folder per class. */
async function someJpegs(archive: string, every: number, out: string): Promise<void> {
  let at = 0;
  const entries = createReadStream(archive).pipe(createGunzip()).pipe(extract());
  for await (const entry of entries) {
    const { name, type } = entry.header;
    if (type === "file" && name.endsWith(".jpg") && at++ % every === 0) {
      const path = join(out, ...name.split("/").slice(-2));
      mkdirSync(dirname(path), { recursive: true });
      await pipeline(entry, createWriteStream(path));
    }
    entry.resume();
  }
}

const RECIPE = ["--batch", "32", "--chunk", "16", "--epochs", "2", "--lr", "0.02", "--quiet"];

async function exported(
  model: readonly string[],
  name: string,
  more: readonly string[],
): Promise<string> {
  const subnet = join(folder, `${name}.json`);
  const solved = await mdp(
    ["solve", ...model, "--device", "jetson", "--budget", "50%", "--out", subnet, "--quiet"],
    folder,
  );
  expect(solved, solved.stderr).toMatchObject({ code: 0 });
  const words = ["--subnet", subnet, "--to", "pytorch", "--out", name, "--quiet", ...more];
  const written = await mdp(["export", ...model, ...words], folder);
  expect(written, written.stderr).toMatchObject({ code: 0 });
  return join(folder, name);
}

/** Undisturbed, and with a process killed in the middle; then back into ONNX. */
async function trainTwice({ project, data, evaluated }: Case): Promise<void> {
  const path = python?.path ?? "";
  const args = (run: string, ...more: string[]): string[] => [
    ...[...data, ...RECIPE, "--out", join(project, run), ...more],
  ];
  const whole = await startTraining(path, project, args("run"), 2);
  for (const { code, output } of await whole.ended) expect(code, output).toBe(0);

  const disturbed = join(project, "disturbed");
  const options = args("disturbed", "--checkpoint-steps", "1");
  const killed = await startTraining(path, project, options, 2);
  await untilStep(disturbed, 3, 200);
  killed.processes[1]?.kill("SIGKILL");
  const [first, second] = await killed.ended;
  expect(second?.code).toBe(-1);
  expect(first).toMatchObject({ code: 1 });
  expect(first?.output).toContain("another process of this job is gone");
  expect(first?.output).toMatch(/The checkpoint after .* is safe\. Go on with the same command/);
  expect(first?.output).not.toContain("Traceback");
  // The job goes on with one process: the same batches, accumulated.
  const resumed = await startTraining(path, project, options, 1);
  for (const { code, output } of await resumed.ended) expect(code, output).toBe(0);

  const [wanted, found] = [lossCurve(join(project, "run")), lossCurve(disturbed)];
  expect(found).toHaveLength(wanted.length);
  const apart = wanted.map((loss, at) => Math.abs(loss - (found[at] ?? 0)) / loss);
  expect(Math.max(...apart)).toBeLessThan(1e-3);

  const imported = await mdp(
    ["import-weights", project, "--weights", join(disturbed, "last.safetensors")].concat([
      ...["--out", `${project}.onnx`],
    ]),
    folder,
  );
  expect(imported, imported.stderr).toMatchObject({ code: 0 });
  expect(imported.stdout).toContain("equal the module's");
  const evaluation = await mdp(
    ["eval", `${project}.onnx`, ...evaluated, "--no-latency", "--json", "--quiet"],
    folder,
  );
  expect(evaluation, evaluation.stderr).toMatchObject({ code: 0 });
  const said = Number(csvRows(join(disturbed, "metrics.csv")).at(-1)?.["val_top1"]);
  // Printed by mdp eval.
  const report = JSON.parse(evaluation.stdout) as { results: { accuracy: { top1: number } }[] };
  const top1 = report.results[0]?.accuracy.top1 ?? Number.NaN;
  // Two decoders may differ about one JPEG in fifty.
  expect(Math.abs(top1 - said)).toBeLessThan(evaluated.length > 2 ? 0.021 : 1e-6);
}

const lacking = lacksImages(python);

describe.skipIf(lacking !== null)("training on two processes, one of which is killed", () => {
  beforeAll(async () => {
    const words = ["data", "shapes", "--out", "shapes", "--train", "96", "--test", "40"];
    expect(await mdp([...words, "--quiet"], folder)).toMatchObject({ code: 0 });
  });

  test("ends with the loss curve of an undisturbed run, on the default network", {
    timeout: 600_000,
  }, async () => {
    const project = await exported([], "default", []);
    const shapes = join(folder, "shapes");
    await trainTwice({ project, data: ["--data", shapes], evaluated: ["--data", shapes] });
  });

  test.skipIf(resnet === null || jpegTrain === null || jpegTest === null)(
    "ends with the loss curve of an undisturbed run, on a CIFAR ResNet at half its latency and JPEGs",
    async () => {
      const config = [
        "--data-config",
        join(import.meta.dirname, "../../docs/examples/cifar10.json"),
      ];
      const project = await exported([resnet ?? ""], "resnet20", config);
      await someJpegs(jpegTrain ?? "", 400, join(folder, "jpegs", "train"));
      await someJpegs(jpegTest ?? "", 100, join(folder, "jpegs", "val"));
      await trainTwice({
        project,
        data: ["--data", join(folder, "jpegs")],
        evaluated: ["--data", join(folder, "jpegs", "val"), ...config],
      });
    },
  );
});
