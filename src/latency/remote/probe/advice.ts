import { foundRunners, INSTALL } from "../choose-runner.ts";
import { RUNNERS, type RunnerName } from "../runners/runner.ts";
import type { BoardFacts } from "./facts.ts";

/** One line of `mdp doctor`. */
export interface Finding {
  readonly what: string;
  readonly status: "good" | "warning" | "bad";
  readonly found: string;
  /** What to do about it; null where all is well. */
  readonly advice: string | null;
}

/** Less than this doesn't hold a campaign's networks and engines. */
const LEAST_DISK_MIB = 500;
const LEAST_MEMORY_MIB = 500;
const WARM_CELSIUS = 75;
const QUIET_LOAD = 0.5;

/** What a board's facts mean for measuring on it, and what to do about it. */
export function boardFindings(facts: BoardFacts): Finding[] {
  return [
    good("board", `${facts.model}, ${facts.cores ?? "?"} cores, ${facts.system}`),
    ...(facts.release === null ? [] : [good("system", facts.release)]),
    ...RUNNERS.flatMap((name) => runnerFinding(name, facts)),
    anyRunner(facts),
    meter(facts),
    power(facts),
    clocks(facts),
    disk(facts),
    memory(facts),
    load(facts),
    temperature(facts),
  ].filter((finding) => finding !== null);
}

function good(what: string, found: string): Finding {
  return { what, status: "good", found, advice: null };
}

function warning(what: string, found: string, advice: string): Finding {
  return { what, status: "warning", found, advice };
}

function runnerFinding(name: RunnerName, facts: BoardFacts): Finding[] {
  const program = foundRunners(facts)[name];
  if (program === null) return [];
  if (program.problem !== null) return [warning(name, program.problem, INSTALL[name])];
  const version = program.version === null ? "" : `${program.version} `;
  return [good(name, `${version}(${program.path})`)];
}

function anyRunner(facts: BoardFacts): Finding | null {
  const found = foundRunners(facts);
  const works = RUNNERS.some((name) => found[name] !== null && found[name].problem === null);
  if (works) {
    if (!facts.isJetson || facts.trtexec !== null) return null;
    return warning("trtexec", "not found, though this is a Jetson", INSTALL.trtexec);
  }
  return {
    what: "runtimes",
    status: "bad",
    found: `none of ${RUNNERS.join(", ")} works`,
    advice: INSTALL[facts.isJetson ? "trtexec" : "onnxruntime-node"],
  };
}

function meter({ tegrastats, isJetson }: BoardFacts): Finding | null {
  if (tegrastats !== null) return good("energy", `tegrastats (${tegrastats.path})`);
  if (!isJetson) return null;
  return warning(
    "energy",
    "no tegrastats, though this is a Jetson",
    "It comes with JetPack, in /usr/bin. Name another place with --remote-tegrastats; without it tables have no energy.",
  );
}

function power({ powerMode, isJetson }: BoardFacts): Finding | null {
  if (powerMode !== null && /^MAXN/.test(powerMode)) return good("power", powerMode);
  if (powerMode !== null) {
    const advice =
      "Tables hold for one power mode. For the fastest: sudo nvpmodel -m 0 (see /etc/nvpmodel.conf), then measure again.";
    return warning("power", powerMode, advice);
  }
  if (!isJetson) return null;
  return warning("power", "the mode can't be read", "Try `nvpmodel -q` there by hand.");
}

function clocks({ clocksHeld, governor, clockMHz, isJetson }: BoardFacts): Finding {
  const now = clockMHz === null ? "" : `, processor at ${clockMHz.now} of ${clockMHz.most} MHz`;
  if (clocksHeld === true) return good("clocks", `held by jetson_clocks${now}`);
  const text = `${governor === null ? "no governor to be seen" : `governor ${governor}`}${now}`;
  if (isJetson) {
    const what = clocksHeld === null ? "jetson_clocks can't be asked without root" : "not held";
    const advice =
      "Clocks that change disturb measurements: sudo jetson_clocks (again after each restart).";
    return warning("clocks", `${what}; ${text}`, advice);
  }
  if (governor === null || governor === "performance") return good("clocks", text);
  const advice =
    "Clocks that change disturb measurements: sudo cpupower frequency-set -g performance.";
  return warning("clocks", text, advice);
}

function disk({ diskMiB, cacheMiB }: BoardFacts): Finding {
  if (diskMiB === null) return warning("disk", "free room can't be read", "Try `df ~` there.");
  const old = cacheMiB === null || cacheMiB < 50 ? "" : `, ${cacheMiB} MiB in ~/.cache/mdp`;
  const text = `${diskMiB.free} of ${diskMiB.total} MiB free${old}`;
  if (diskMiB.free >= LEAST_DISK_MIB) return good("disk", text);
  const advice = "Networks and engines need room: remove ~/.cache/mdp of old campaigns, or more.";
  return warning("disk", text, advice);
}

function memory({ memoryMiB }: BoardFacts): Finding | null {
  if (memoryMiB === null) return null;
  const text = `${memoryMiB.free} of ${memoryMiB.total} MiB free`;
  if (memoryMiB.free >= LEAST_MEMORY_MIB) return good("memory", text);
  const advice =
    "Building an engine may be killed: stop the desktop (sudo systemctl isolate multi-user.target) or add swap.";
  return warning("memory", text, advice);
}

function load({ load: value }: BoardFacts): Finding | null {
  if (value === null) return null;
  const text = `${value.toFixed(2)} (last minute)`;
  if (value < QUIET_LOAD) return good("load", text);
  return warning("load", text, "Other work disturbs measurements: let it end first.");
}

function temperature({ celsius }: BoardFacts): Finding | null {
  if (celsius === null) return null;
  if (celsius < WARM_CELSIUS) return good("heat", `${celsius} degrees Celsius`);
  const advice = "Hot boards slow down: cool it, or set the fan with jetson_clocks --fan.";
  return warning("heat", `${celsius} degrees Celsius`, advice);
}
