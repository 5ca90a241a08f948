# Runs on the board and changes nothing there. Says what is there, one line per fact: a key, a tab, a value.
# Arguments: a nonce, then paths as three octal digits per byte ("-" for none): node, folder of modules, python, trtexec,
# perf_test, tegrastats.
LC_ALL=C
export LC_ALL
nonce=$1
decode() { [ "$1" = - ] || printf '%b' "$(printf '%s' "$1" | sed 's/.../\\0&/g')"; }
say() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\n\t\r' ';  ' | cut -c 1-1000)"; }
limited() { if command -v timeout >/dev/null 2>&1; then timeout 30 "$@"; else "$@"; fi; }
read_file() { if [ -r "$1" ]; then tr -d '\000' <"$1" 2>/dev/null; fi; }
first() {
  for candidate in "$@"; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
}
printf '\nmdp-%s probe\n' "$nonce"
say system "$(uname -srm)"
say host "$(uname -n)"
say release "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null)"
say board "$(read_file /proc/device-tree/model)"
say processor "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"
say tegra "$(head -n 1 /etc/nv_tegra_release 2>/dev/null)"
say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
say memory "$(awk '$1 == "MemTotal:" { total = $2 } $1 == "MemAvailable:" { free = $2 } END { print total, free }' /proc/meminfo 2>/dev/null)"
say disk "$(df -Pk "$HOME" 2>/dev/null | awk 'NR == 2 { print $2, $4 }')"
say cache "$(du -sk "$HOME/.cache/mdp" 2>/dev/null | cut -f 1)"
say load "$(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null)"
say uptime "$(cut -d ' ' -f 1 /proc/uptime 2>/dev/null)"
say governor "$(cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor 2>/dev/null | sort -u)"
say clock "$(read_file /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq) $(read_file /sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq)"
say temperature "$(cat /sys/class/thermal/thermal_zone*/temp 2>/dev/null | sort -n | tail -n 1)"
nvpmodel=$(first nvpmodel /usr/sbin/nvpmodel)
if [ -n "$nvpmodel" ]; then say nvpmodel "$(limited "$nvpmodel" -q 2>&1)"; fi
clocks=$(first jetson_clocks /usr/bin/jetson_clocks)
if [ -n "$clocks" ]; then say clocks "$(limited "$clocks" --show 2>&1)"; fi
node=$(first "$(decode "$2")" node nodejs /usr/local/bin/node)
say node "$node"
if [ -n "$node" ]; then
  say node-version "$(limited "$node" --version 2>&1)"
  say ort-node "$(MDP_MODULES=$(decode "$3") limited "$node" -e '
    const { createRequire } = require("module");
    const { join, dirname } = require("path");
    const home = process.env.HOME || "";
    const own = process.env.MDP_MODULES;
    const near = join(dirname(process.execPath), "..", "lib");
    const places = own ? [own] : [join(home, ".cache/mdp/runtime"), home, near];
    for (const place of places) {
      try {
        const from = createRequire(join(place, "mdp.js"));
        const found = from("onnxruntime-node/package.json");
        from("onnxruntime-node");
        console.log("ok", found.version, place);
        process.exit(0);
      } catch (error) {
        if (error.code !== "MODULE_NOT_FOUND") console.log("bad", String(error.message).split("\n")[0]);
      }
    }' 2>&1 | head -n 1)"
fi
python=$(first "$(decode "$4")" python3)
say python "$python"
if [ -n "$python" ]; then
  say ort-python "$(limited "$python" -c '
try:
    import onnxruntime, numpy
    print("ok", onnxruntime.__version__, " ".join(onnxruntime.get_available_providers()))
except ImportError as error:
    print("missing", error)' 2>&1 | head -n 1)"
fi
trtexec=$(first "$(decode "$5")" trtexec /usr/src/tensorrt/bin/trtexec /opt/tensorrt/bin/trtexec /usr/local/tensorrt/bin/trtexec)
say trtexec "$trtexec"
if [ -n "$trtexec" ]; then say trtexec-banner "$(limited "$trtexec" --help 2>&1 | grep -m 1 'TensorRT')"; fi
perf=$(first "$(decode "$6")" onnxruntime_perf_test)
say perf-test "$perf"
say tegrastats "$(first "$(decode "$7")" tegrastats /usr/bin/tegrastats)"
say end "$nonce"
