import type { Command } from "./command.ts";

/** A command as the list of all commands knows it, before its module is loaded. */
export interface ListedCommand {
  /** The word that is typed. */
  readonly word: string;
  /** With its positional arguments. */
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly ListedCommand[];
}

/** All commands, in groups. A command's module, and with it the libraries that it needs, is loaded when it is called. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    title: "Look: what a network and a device are like",
    commands: [
      {
        word: "inspect",
        usage: "inspect [model]",
        summary: "Show what can be pruned in a network: dims, layers, blocks and components",
        load: async () => (await import("./commands/inspect.ts")).inspectCommand,
      },
      {
        word: "predict",
        usage: "predict [model]",
        summary: "Predict a network's latency on a device that is not at hand, with its error",
        load: async () => (await import("./commands/predict.ts")).predictCommand,
      },
      {
        word: "devices",
        usage: "devices",
        summary: "List devices with their latency tables: age, coverage, origin and error",
        load: async () => (await import("./commands/devices.ts")).devicesCommand,
      },
      {
        word: "doctor",
        usage: "doctor",
        summary: "Check that everything mdp needs is here, and what would disturb a measurement",
        load: async () => (await import("./commands/doctor.ts")).doctorCommand,
      },
    ],
  },
  {
    title: "Prepare: scores, latencies and images",
    commands: [
      {
        word: "score",
        usage: "score [model]",
        summary: "Score how much each unit of a network is worth",
        load: async () => (await import("./commands/score.ts")).scoreCommand,
      },
      {
        word: "damages",
        usage: "damages [model]",
        summary: "Measure what a network loses where single weights of a layer go",
        load: async () => (await import("./commands/damages.ts")).damagesCommand,
      },
      {
        word: "profile",
        usage: "profile [model]",
        summary: "Measure a network's latency table on this machine, or on boards over ssh",
        load: async () => (await import("./commands/profile.ts")).profileCommand,
      },
      {
        word: "correct-device",
        usage: "correct-device",
        summary: "Narrow a device's predictions by runs that were measured on a board of your own",
        load: async () => (await import("./commands/correct-device.ts")).correctDeviceCommand,
      },
      {
        word: "calibrate",
        usage: "calibrate [model]",
        summary: "Solve, measure and correct the table until the measured latency meets the budget",
        load: async () => (await import("./commands/calibrate.ts")).calibrateCommand,
      },
      {
        word: "data",
        usage: "data <set>",
        summary: "Draw a data set that needs no download",
        load: async () => (await import("./commands/data.ts")).dataCommand,
      },
    ],
  },
  {
    title: "Solve: choose what stays",
    commands: [
      {
        word: "solve",
        usage: "solve [model]",
        summary: "Find the best subnet within a latency budget",
        load: async () => (await import("./commands/solve.ts")).solveCommand,
      },
      {
        word: "sweep",
        usage: "sweep [model]",
        summary: "Find the best subnet for each of many budgets: importance against latency",
        load: async () => (await import("./commands/sweep.ts")).sweepCommand,
      },
      {
        word: "compare",
        usage: "compare [model]",
        summary: "Compare ways to choose a subnet at one true latency",
        load: async () => (await import("./commands/compare.ts")).compareCommand,
      },
      {
        word: "explain",
        usage: "explain [model]",
        summary: "Explain why a subnet was chosen, and what every other choice would cost",
        load: async () => (await import("./commands/explain.ts")).explainCommand,
      },
      {
        word: "diff",
        usage: "diff <first> <second>",
        summary: "Compare two subnets of one network",
        load: async () => (await import("./commands/diff.ts")).diffCommand,
      },
    ],
  },
  {
    title: "Make: smaller networks",
    commands: [
      {
        word: "prune",
        usage: "prune [model] [second]",
        summary:
          "Run the whole pipeline into one folder: score, profile, solve, export, repair, train, evaluate",
        load: async () => (await import("./commands/prune.ts")).pruneCommand,
      },
      {
        word: "join",
        usage: "join <first> <second>",
        summary:
          "Write two networks whose embeddings are compared as one, to be pruned as one problem",
        load: async () => (await import("./commands/join.ts")).joinCommand,
      },
      {
        word: "split",
        usage: "split <model>",
        summary: "Take a joined network apart into its two files, checked against it",
        load: async () => (await import("./commands/split.ts")).splitCommand,
      },
      {
        word: "rebase",
        usage: "rebase <model>",
        summary: "Write the same transformer with the columns of its heads sorted by importance",
        load: async () => (await import("./commands/rebase.ts")).rebaseCommand,
      },
      {
        word: "export",
        usage: "export [model]",
        summary: "Write the smaller network of a subnet, proven against the masked original",
        load: async () => (await import("./commands/export.ts")).exportCommand,
      },
      {
        word: "correct",
        usage: "correct [model]",
        summary: "Write the smaller network of a subnet, repaired on images without labels",
        load: async () => (await import("./commands/correct.ts")).correctCommand,
      },
      {
        word: "sparsify",
        usage: "sparsify [model]",
        summary:
          "Remove single weights; the exact program chooses the rates, the kept weights are fitted without labels",
        load: async () => (await import("./commands/sparsify.ts")).sparsifyCommand,
      },
      {
        word: "finetune",
        usage: "finetune [model]",
        summary: "Train a network further, such as one that was pruned",
        load: async () => (await import("./commands/finetune.ts")).finetuneCommand,
      },
      {
        word: "train",
        usage: "train [model]",
        summary: "Train a network's architecture from random weights",
        load: async () => (await import("./commands/train.ts")).trainCommand,
      },
    ],
  },
  {
    title: "Judge: networks side by side",
    commands: [
      {
        word: "report",
        usage: "report <runs..>",
        summary: "Write one HTML page about runs, frontiers, comparisons and tables",
        load: async () => (await import("./commands/report.ts")).reportCommand,
      },
      {
        word: "explore",
        usage: "explore [model]",
        summary:
          "Open a page that solves the program in the browser while budget and limits are moved",
        load: async () => (await import("./commands/explore.ts")).exploreCommand,
      },
      {
        word: "knowledge",
        usage: "knowledge [model] [pruned]",
        summary:
          "Measure what a pruned network keeps of a dense one: mean singular values of weights and outputs",
        load: async () => (await import("./commands/knowledge.ts")).knowledgeCommand,
      },
      {
        word: "eval",
        usage: "eval <models..>",
        summary: "Measure metrics and latency of one or more networks, side by side",
        load: async () => (await import("./commands/eval.ts")).evalCommand,
      },
      {
        word: "rollout",
        usage: "rollout <world>",
        summary: "Run an agent in a simulation and print its rewards, as a command metric",
        load: async () => (await import("./commands/rollout.ts")).rolloutCommand,
      },
    ],
  },
  {
    title: "Tables: latency tables and files of others",
    commands: [
      {
        word: "table",
        usage: "table <action>",
        summary: "Look at latency tables, compare, merge, draw, import and export them",
        load: async () => (await import("./commands/table.ts")).tableCommand,
      },
      {
        word: "import",
        usage: "import <file>",
        summary: "Turn a pickle that the authors of MDP or HALP published into JSON",
        load: async () => (await import("./commands/import.ts")).importCommand,
      },
      {
        word: "import-weights",
        usage: "import-weights <project>",
        summary:
          "Put weights trained in an exported PyTorch project back into the ONNX, and check them",
        load: async () => (await import("./commands/import-weights.ts")).importWeightsCommand,
      },
    ],
  },
  {
    title: "Your own metrics: search by them, gate, take back, watch",
    commands: [
      {
        word: "metrics",
        usage: "metrics <action>",
        summary: "Write metrics.json, and see what can be measured",
        load: async () => (await import("./commands/metrics.ts")).metricsCommand,
      },
      {
        word: "groups",
        usage: "groups [model]",
        summary: "Show what narrowing each group alone does to every metric, and what it saves",
        load: async () => (await import("./commands/groups.ts")).groupsCommand,
      },
      {
        word: "gate",
        usage: "gate <dense> <network>",
        summary:
          "Test a pruned network against metrics.json on items that no search saw; release it",
        load: async () => (await import("./commands/gate.ts")).gateCommand,
      },
      {
        word: "undo",
        usage: "undo <live>",
        summary: "Put the network back that was in place before, byte by byte",
        load: async () => (await import("./commands/undo.ts")).undoCommand,
      },
      {
        word: "history",
        usage: "history <live>",
        summary: "List what was released to a file, what was undone and what was tried",
        load: async () => (await import("./commands/history.ts")).historyCommand,
      },
      {
        word: "monitor",
        usage: "monitor <live>",
        summary:
          "Measure a released network on new items, and tell whether inputs or answers changed",
        load: async () => (await import("./commands/monitor.ts")).monitorCommand,
      },
    ],
  },
];

export const LISTED_COMMANDS: readonly ListedCommand[] = COMMAND_GROUPS.flatMap(
  ({ commands }) => commands,
);
