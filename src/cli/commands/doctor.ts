import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import { hasGlpk } from "../../../solvers/glpk.ts";
import { createHighs } from "../../../solvers/highs.ts";
import { EXIT, type ExitCode, MdpError } from "../../core/errors.ts";
import { boardFindings, type Finding } from "../../latency/remote/probe/advice.ts";
import { type BoardAccess, examineBoard } from "../../latency/remote/profile-board.ts";
import { createModelBuilder } from "../../mip/builder.ts";
import { defaultNetwork } from "../../pipeline/open/default-network.ts";
import { findPython } from "../../pytorch/python.ts";
import { runtimeVersion } from "../../runtime/onnxruntime.ts";
import { openSession } from "../../runtime/session.ts";
import { type Command, type Context, command } from "../command.ts";
import {
  boardAccesses,
  REPEATABLE_BOARD_OPTIONS,
  withBoardOptions,
} from "../options/board-options.ts";

const GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

export const doctorCommand: Command = command({
  name: "doctor",
  describe: "Check that everything mdp needs is here, and what would disturb a measurement",
  examples: [
    ["mdp doctor", "runtime, solvers, processor, memory, load"],
    [
      "mdp doctor --host me@board",
      "what a board has to measure with, its clocks, power mode and disk",
    ],
  ],
  repeatable: REPEATABLE_BOARD_OPTIONS,
  options: (yargs) => withBoardOptions(yargs),
  run: async (options, context) => {
    const accesses = boardAccesses(options.host ?? [], options, context.signal);
    if (accesses.length > 0) return examine(accesses, context);
    const findings = [
      node(),
      await runtime(),
      await highs(),
      glpk(),
      processor(),
      memory(),
      load(),
      governor(),
      await python(),
    ];
    context.json({ schema: "mdp-doctor/1", findings });
    printFindings(findings, context);
    return findings.some((finding) => finding.status === "bad") ? EXIT.internal : EXIT.done;
  },
});

function printFindings(findings: readonly Finding[], context: Context): void {
  const width = Math.max(12, ...findings.map(({ what }) => what.length));
  for (const { what, status, found, advice } of findings) {
    const line = `${status.padEnd(8)} ${what.padEnd(width)} ${found}`;
    context.print(advice === null ? line : `${line}\n${" ".repeat(width + 10)}${advice}`);
  }
}

/** Looks at boards, all at once; one that can't be reached is a finding, and its error's exit code the command's. */
async function examine(accesses: readonly BoardAccess[], context: Context): Promise<ExitCode> {
  const examined = await Promise.all(
    accesses.map(async (access) => {
      try {
        const facts = await examineBoard(access);
        return { access, facts, findings: boardFindings(facts), error: null };
      } catch (error) {
        if (accesses.length === 1 || !(error instanceof MdpError)) throw error;
        const findings: Finding[] = [
          { what: "ssh", status: "bad", found: error.message, advice: error.hint ?? null },
        ];
        return { access, facts: null, findings, error };
      }
    }),
  );
  context.json({
    schema: "mdp-doctor-boards/1",
    boards: examined.map(({ access, facts, findings }) => ({
      host: access.host.destination,
      facts,
      findings,
    })),
  });
  for (const { access, findings } of examined) {
    if (examined.length > 1) context.print(`\n== ${access.host.destination}`);
    printFindings(findings, context);
  }
  const failed = examined.find(({ error }) => error !== null)?.error;
  if (failed) return failed.exitCode;
  const isBad = examined.some(({ findings }) => findings.some(({ status }) => status === "bad"));
  return isBad ? EXIT.input : EXIT.done;
}

function good(what: string, found: string): Finding {
  return { what, status: "good", found, advice: null };
}

function node(): Finding {
  return good("Node", `${process.version} on ${process.platform} ${process.arch}`);
}

async function runtime(): Promise<Finding> {
  try {
    const session = await openSession(defaultNetwork().model);
    await session.close();
    return good("onnxruntime", `${runtimeVersion()} loads the embedded network`);
  } catch (error) {
    return {
      what: "onnxruntime",
      status: "bad",
      found: error instanceof Error ? error.message : String(error),
      advice: "Install again: npm ci. It needs linux x64/arm64, windows x64/arm64 or mac arm64.",
    };
  }
}

async function highs(): Promise<Finding> {
  const solver = createHighs();
  try {
    const builder = createModelBuilder("doctor", "maximize");
    builder.addObjective(builder.column(0, 1, true, "x"), 1);
    const outcome = await solver.solve(builder.build());
    if (outcome.status === "optimal") return good("HiGHS", "solves");
    return {
      what: "HiGHS",
      status: "bad",
      found: outcome.status,
      advice: "Install again: npm ci.",
    };
  } finally {
    await solver.close();
  }
}

function glpk(): Finding {
  if (hasGlpk()) return good("GLPK", "installed; stands in where HiGHS fails");
  const advice = "Only needed where HiGHS fails: npm install glpk.js (GPL-3.0).";
  return { what: "GLPK", status: "warning", found: "not installed", advice };
}

function processor(): Finding {
  return good("processor", `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores`);
}

function memory(): Finding {
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return good("memory", `${gib(freemem())} free of ${gib(totalmem())}`);
}

function load(): Finding {
  const oneMinute = loadavg()[0] ?? 0;
  const found = `${oneMinute.toFixed(2)} (last minute)`;
  if (oneMinute < 0.5) return good("load", found);
  const advice = "Other work disturbs measurements: let it end before mdp profile or mdp eval.";
  return { what: "load", status: "warning", found, advice };
}

function governor(): Finding {
  if (!existsSync(GOVERNOR))
    return good("clocks", "no governor to be seen (a virtual machine, or not linux)");
  const found = readFileSync(GOVERNOR, "utf8").trim();
  if (found === "performance") return good("clocks", `governor ${found}`);
  const advice = "Clocks that change disturb measurements: cpupower frequency-set -g performance.";
  return { what: "clocks", status: "warning", found: `governor ${found}`, advice };
}

const NEEDED_FOR: Readonly<Record<string, string>> = {
  numpy: "for everything",
  Pillow: "to decode images",
  torchvision: "for random crops, erasing and RandAugment",
};

/** For information: only projects of `mdp export --to pytorch` are run by Python, and most often on another machine. */
async function python(): Promise<Finding> {
  const only = "only for checking and training exported projects (mdp export --to pytorch)";
  const found = await findPython();
  if (found === null) return good("Python", `none found; needed ${only}`);
  const { path, version, torch, cuda, missing } = found;
  if (torch === null) return good("Python", `${version} (${path}) without PyTorch; needed ${only}`);
  const devices = cuda.length === 0 ? "no CUDA device" : `CUDA: ${cuda.join(", ")}`;
  const text = `${version} (${path}), PyTorch ${torch}, ${devices}`;
  if (missing.length === 0) return good("Python", text);
  return {
    what: "Python",
    status: "warning",
    found: `${text}; without ${missing.join(", ")}`,
    advice: `Exported projects need ${missing.map((name) => `${name} ${NEEDED_FOR[name] ?? ""}`).join(", ")}: ${path} -m pip install ${missing.join(" ")}.`,
  };
}
