import type { PyTorchModule } from "../module/module-text.ts";
import type { Project } from "./project-file.ts";

/**
 * The project's README.md: what is in the folder, how to train it here, on several machines, and how to come back.
 * @param taughtBy name of the network that teaches, where it is another one than the project's own
 */
export function readmeText(
  project: Project,
  modules: { readonly student: PyTorchModule; readonly teacher: PyTorchModule },
  taughtBy?: string | undefined,
): string {
  const training = project.task === "classification" ? classification(project) : OTHER_TRAINING;
  return `${[head(project, taughtBy), files(project, modules), CHECK, training, back(project)].join("\n\n")}\n`;
}

/** Versions that the project was made for; PyTorch 1.13 is what Debian 12 has. */
export function requirementsText(): string {
  return [
    "# Python 3.8 or newer. With CUDA: the build of torch for your driver, see https://pytorch.org.",
    "torch>=1.13",
    "numpy>=1.21",
    "# Decodes and resizes images.",
    "Pillow>=9.0",
    "# Random crops, erasing and RandAugment; check.py and small images do without.",
    "torchvision>=0.14",
    "# Optional: metrics for TensorBoard beside the CSV.",
    "tensorboard>=2.10",
    "",
  ].join("\n");
}

function head(project: Project, taughtBy: string | undefined): string {
  const { name, mdp, hashes } = project;
  const what =
    hashes.subnet === null
      ? `The whole network, nothing removed: ${taughtBy === undefined ? "student and teacher are the same" : `the teacher is '${taughtBy}'`}.`
      : "A subnet that `mdp solve` chose, cut out of the original and proven against it.";
  return `# ${name} in PyTorch\n\n${what} Written by mdp ${mdp}; SHA-256 of its network ${hashes.onnx.slice(0, 12)}.`;
}

function files(
  project: Project,
  { student, teacher }: { readonly student: PyTorchModule; readonly teacher: PyTorchModule },
): string {
  const rows = [
    ["network.py", `the network to train, \`${student.className}\`, made by \`build()\``],
    ["weights.safetensors", `its weights, ${project.parameters.length} tensors`],
    ["teacher.py, teacher.safetensors", `the original, \`${teacher.className}\`, to learn from`],
    ["network.onnx", "the same network in ONNX, which the trained weights go back into"],
    ...(project.hashes.subnet === null ? [] : [["subnet.json", "what was kept and dropped"]]),
    ["project.json", "how keys and ONNX names go together, input, classes, pre-processing, hashes"],
    ["scored.json", "which norm scores which units, for pruning while training"],
    ["*.check.safetensors", "an input and what the ONNX gives for it, for `check.py`"],
    ["train.py, train_samples.py and what they import", "the training scripts"],
  ];
  const table = rows.map(([file = "", what = ""]) => `| ${file} | ${what} |`).join("\n");
  return `| file | what it is |\n| --- | --- |\n${table}`;
}

const CHECK = `## Set up, and see that the network is the same

\`\`\`
python3 -m pip install -r requirements.txt
python3 check.py
\`\`\`

prints how far network.py and teacher.py are from their ONNX files on this machine; 1e-5 of the largest output is allowed.`;

const TROUBLES = `If something goes wrong:

- torchrun itself ends with \`'NoneType' object has no attribute 'get'\` (PyTorch 1.13 with Python 3.11, as Debian 12 has them):
  \`torchrun --redirects 9:3 --tee 9:3 ...\`.
- A process fails: the message that counts is the script's, two lines after \`error:\`, above torchrun's table and traceback.
- The GPU's memory is full: a smaller \`--chunk\`. The batch stays the same, in more steps forward and back.
- The loss is no number with \`--amp fp16\`: \`--amp bf16\`, or \`--clip 1\`.
- The GPUs wait for images: more \`--workers\`, or images made smaller beforehand.`;

const OTHER_TRAINING = `## Training

\`train.py\` trains classifiers: one image in, one row of class scores out. This network has other inputs or outputs:
\`train_samples.py\` trains it, by the targets that a dataset.json of version 2 names (masks, classes, numbers, pictures), and by the
original network's outputs:

\`\`\`
python3 train_samples.py --data DATA/dataset.json --epochs 3 --lr 0.001
python3 train_samples.py --data DATA/dataset.json --target-weight 0
\`\`\`

The second needs no targets. A run that was stopped goes on with the same command. It writes into run/: last.safetensors with its check,
a checkpoint, and metrics.csv.`;

function classification({ classes, data, input }: Project): string {
  const size =
    (data?.["layout"] === "nhwc" ? input.shape?.slice(1, 3) : input.shape?.slice(2))?.join(" x ") ??
    "";
  const prepared =
    data === null
      ? "How images are prepared was not said at the export (`--data-config`): give train.py a config with `--data-config` too. Without one it warns, and bytes are divided by 255, without mean and standard deviation."
      : "Images are prepared as `data` in project.json says.";
  return `## Training

${classes} classes, images of ${size}. ${prepared} DATA is a folder with train/ and val/, or what else
\`python3 train.py --help\` lists.

A short repair with the original as teacher, in one process and on the eight GPUs of a machine:

\`\`\`
python3 train.py --recipe repair --data DATA
torchrun --nproc_per_node=8 train.py --recipe repair --data DATA --amp bf16 --channels-last
\`\`\`

The ImageNet recipe of MDP and HALP, 90 epochs, batch 1024 over all processes; and DeiT's, with the original as teacher:

\`\`\`
torchrun --nproc_per_node=8 train.py --recipe mdp-imagenet --data /data/imagenet --amp fp16 --channels-last
torchrun --nproc_per_node=8 train.py --recipe deit --data /data/imagenet --amp bf16
\`\`\`

On several machines with Slurm (nodes and GPUs stand at the top of train.slurm):

\`\`\`
sbatch train.slurm --recipe mdp-imagenet --data /data/imagenet --amp fp16 --channels-last
\`\`\`

A run that was stopped goes on with the same command. It writes into run/: best.safetensors and last.safetensors, each with its check, a
checkpoint, and the metrics.

${TROUBLES}`;
}

function back({ name }: Project): string {
  const out = `${name.replaceAll(/[^\w.-]/g, "_")}-trained.onnx`;
  return `## Back to ONNX

From the folder that holds this one, with the name of this one:

\`\`\`
mdp import-weights FOLDER --out ${out}
mdp eval ${out} --data DATA
\`\`\`

takes run/best.safetensors (another one with \`--weights\`), puts it into network.onnx, runs both and compares. Weights of another network or
another shape are refused.`;
}
