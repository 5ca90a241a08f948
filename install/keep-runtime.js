// Runs while the package is installed. onnxruntime-node downloads libraries for graphics cards in a script of its own; where
// that server can't be reached, npm takes the whole optional dependency away again, although the part that is needed here
// lies in it. npm runs all `install` scripts before any `postinstall` script, which that one is: so this one comes first,
// and links the files for this platform into runtime/. They take no room on the disk. It never fails an installation.
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function place(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) place(source, target);
    else if (!existsSync(target)) linkOrCopy(source, target);
  }
}

function linkOrCopy(source, target) {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}

function keep() {
  const found = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  const [source, target] = [dirname(found), join(root, "runtime", "onnxruntime-node")];
  const binaries = join("bin", "napi-v6", process.platform, process.arch);
  mkdirSync(target, { recursive: true });
  cpSync(found, join(target, "package.json"));
  for (const folder of ["dist", binaries]) place(join(source, folder), join(target, folder));
}

// In a clone nothing needs keeping: its package.json forbids the script.
if (root.split(sep).includes("node_modules")) {
  try {
    keep();
  } catch {
    // Where nothing can be kept, what needs the runtime says how to install it.
  }
}
