// A stand-in for NVIDIA's tegrastats: no meter is behind it. It appends lines in the form of JetPack 5 to the file of --logfile
// until it is ended: 3 W and 2000 MiB where the file is named for rest, 8 W and 2100 MiB otherwise, after some lines of loading.
import { appendFileSync } from "node:fs";

const words = process.argv.slice(2);
const file = words[words.indexOf("--logfile") + 1];
const interval = Number(words[words.indexOf("--interval") + 1]);
let lines = 0;
setInterval(() => {
  lines += 1;
  const isBusy = !file.endsWith(".idle") && lines > 8;
  const [mib, mw] = isBusy ? [2100, 8000] : [2000, 3000];
  const text = `11-22-2026 12:00:00 RAM ${mib}/30536MB (lfb 5948x4MB) SWAP 0/15268MB (cached 0MB) CPU [1%@1190] GR3D_FREQ 0% cpu@45C VDD_IN ${mw}mW/${mw}mW VDD_SOC 500mW/500mW\n`;
  appendFileSync(file, text);
}, interval);
