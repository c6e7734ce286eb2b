#!/bin/sh
# Leave a working Julia at build/julia/julia: a wrapper with a depot of its own, so that nothing lands in ~/.julia.
#
#   1. $SPIKEPORT_JULIA, or `julia` on PATH, if it passes the check below;
#   2. what juliapkg brings, where that Python package is installed and the network allows it;
#   3. on Debian, bullseye's package and the libunwind it was built for, unpacked under build/julia from the machine's own
#      package source with the suite changed: no root, and nothing of the system is touched. (With a later libunwind
#      every exception in compiled code is a segmentation fault, hence the check.)
#
# A second run finds the wrapper of the first. PYTHON names the interpreter to ask for juliapkg.
set -eu

cd "$(dirname "$0")/.."
home=$PWD/build/julia
wrapper=$home/julia
debian=$home/debian
check='f(s) = try parse(Int, s) catch; -1 end; VERSION >= v"1.5" && f("zz") == -1 && print("passed")'

say() { echo "julia: $*"; }

passes() { [ "$("$1" --startup-file=no -e "$check" 2>/dev/null)" = passed ]; }

# write_wrapper EXECUTABLE [LIBRARY_PATH]
write_wrapper() {
    mkdir -p "$home/depot"
    {
        echo '#!/bin/sh'
        echo "export JULIA_DEPOT_PATH='$home/depot:'"
        if [ $# = 2 ]; then echo "export LD_LIBRARY_PATH='$2'\"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""; fi
        echo "exec '$1' \"\$@\""
    } >"$wrapper"
    chmod +x "$wrapper"
    passes "$wrapper"
}

finish() {
    say "$("$wrapper" --version) at build/julia/julia ($1)"
    exit 0
}

from_path() {
    found=$(command -v "${SPIKEPORT_JULIA:-julia}" || true)
    [ -n "$found" ] && [ "$found" != "$wrapper" ] || return 1
    passes "$found" || { say "$found does not pass the check: too old, or it crashes on exceptions"; return 1; }
    write_wrapper "$found"
}

from_juliapkg() {
    python=${PYTHON:-.venv/bin/python}
    "$python" -c 'import juliapkg' 2>/dev/null || return 1
    say "asking juliapkg (Ctrl-C stops it)"
    found=$("$python" - 2>/dev/null <<'EOF' # where juliacall will look for it too
import contextlib, io, signal, socket
socket.setdefaulttimeout(5)
getattr(signal, "alarm", id)(900)
with contextlib.redirect_stdout(io.StringIO()):
    import juliapkg
    found = juliapkg.executable()
print(found)
EOF
    ) || { say "juliapkg brings none here"; return 1; }
    write_wrapper "$found"
}

# Copy the machine's own entries for its release, with the suite given as $1, in both formats of apt.
sources_for() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && awk -v own="$VERSION_CODENAME" -v suite="$1" 'BEGIN { RS = ""; FS = "\n" } {
            ours = 0
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^Suites:/) { ours = $i ~ ("[ \t](" own "|stable)([ \t]|$)"); $i = "Suites: " suite }
                if ($i ~ /^Types:/) $i = "Types: deb"
            }
            if (ours) { for (i = 1; i <= NF; i++) print $i; print "" }
        }' "$file"
    done >"$apt/sources.d/$1.sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && awk -v own="$VERSION_CODENAME" -v suite="$1" '$1 == "deb" {
            for (i = 3; i <= NF; i++) if ($i == own || $i == "stable") { $i = suite; print; break }
        }' "$file"
    done >"$apt/sources.d/$1.list"
}

apt_get() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources.d" \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$apt/lists" \
        -o Dir::Cache="$apt/cache" -o Dir::Cache::archives="$apt/archives" -o Debug::NoLocking=1 \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o APT::Sandbox::User="$(id -un)" "$@" >>"$home/apt.log" 2>&1
}

from_debian() {
    [ -r /etc/os-release ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    . /etc/os-release
    [ "${ID:-}" = debian ] || return 1
    say "unpacking Debian bullseye's Julia and its libunwind under build/julia (no root needed)"
    apt=$home/apt
    rm -rf "$apt" "$debian" "$home/apt.log"
    mkdir -p "$apt/sources.d" "$apt/lists/partial" "$apt/cache" "$apt/archives/partial" "$debian"
    sources_for "$VERSION_CODENAME"
    sources_for bullseye
    apt_get update &&
        apt_get install --download-only --no-install-recommends -y julia &&
        (cd "$apt/archives" && apt_get download libunwind8/bullseye) ||
        { say "the package source has no bullseye, or cannot be reached: see build/julia/apt.log"; return 1; }
    for package in "$apt"/archives/*.deb; do
        case $package in */libunwind8_*) ;; *) dpkg-deb -x "$package" "$debian" ;; esac
    done
    dpkg-deb -x "$(ls "$apt"/archives/libunwind8_1.3*.deb)" "$debian"
    rm -rf "$apt"
    libraries=$(dirname "$(find "$debian"/usr/lib -name 'libunwind.so.8')")
    # Links to libraries of the system were relative to /usr/lib/TRIPLET: point them there.
    find "$libraries" -type l | while read -r link; do
        [ -e "$link" ] || ln -sfn "${libraries#"$debian"}/$(basename "$(readlink "$link")")" "$link"
    done
    found=$debian/usr/bin/julia
    [ -x "$found" ] || found=/usr/bin/julia # was installed already, for another libunwind
    write_wrapper "$found" "$libraries"
}

mkdir -p "$home"
if [ -z "${SPIKEPORT_JULIA:-}" ] && [ -x "$wrapper" ] && passes "$wrapper"; then finish "there already"; fi
if from_path; then finish "$found"; fi
if [ -n "${SPIKEPORT_JULIA:-}" ]; then
    say "SPIKEPORT_JULIA=$SPIKEPORT_JULIA is no Julia of 1.5 or later that passes the check" >&2
    exit 1
fi
if from_juliapkg; then finish "from juliapkg"; fi
if from_debian; then finish "Debian's"; fi
rm -f "$wrapper"
say "found none and could bring none. Install Julia 1.5 or later and run this again with" >&2
say "SPIKEPORT_JULIA=/path/to/julia; or, with a network, 'pip install juliapkg' first." >&2
exit 1
