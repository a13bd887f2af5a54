# What a stranger does on a bare Debian 12 with nnfc's packages and nothing else of the project; fresh_root.py calls it
# with /nnfc holding the packages, an application and the tutorials. Prints `ok CASE` and `FAIL CASE: why`.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
cd /nnfc

case_is() { # NAME COMMAND...
  local name=$1 start=$EPOCHREALTIME
  shift
  if (set -e; "$@") >log 2>&1; then
    echo "ok $name $(awk -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", e - s }')"
  else
    echo "FAIL $name: $(tail -n 5 log | tr '\r\n' '||' | tail -c 600)"
  fi
}

install() { apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "$@"; }
# Every file there is, but for apt's own lists, caches and logs.
files() {
  find / -xdev \( -path /nnfc -o -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root \
    -o -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path '/var/lib/dpkg/*-old' \
    -o -path /var/lib/dpkg/triggers -o -name __pycache__ \) -prune -o -print | sort
}
# Inputs and weights are chosen so that every sum is exact: bytes are compared.
same() { "$@" <x.bin >y.bin; cmp y.bin expected.bin; }

tools() { apt-get update -q; install gcc g++ cmake make pkg-config python3-numpy graphviz; }

runtime_alone() {
  install ./libnnfc-runtime_*.deb
  nnf-run --version
  nnf-run ready.so --input x=x.npy --output-dir out
  python3 -c 'import numpy as n; assert (n.load("out/y.npy").tobytes() == open("expected.bin", "rb").read())'
  ldconfig -p | grep libnnf.so.0
}

dev_without_compiler() {
  install ./libnnfc-dev_*.deb
  if command -v nnfc || dpkg -l | grep -E 'llvm|mlir'; then return 1; fi
  cc -std=c99 -Wall -Werror app.c $(pkg-config --cflags --libs nnfc) -o app
  same ./app ./ready.so
  cmake -S runtime-project -B runtime-project/b
  cmake --build runtime-project/b
  same runtime-project/b/app ready.so
  same runtime-project/b/app_shared ready.so
}

compiler() {
  install ./nnfc_*.deb
  nnfc --version
  local kind
  for kind in so o a; do nnfc compile net.nnf.txt -o net.$kind; done
  same ./app ./net.so
  for kind in o a; do
    cc -std=c99 -Wall -Werror -DLINKED -I. -I/usr/include/nnfc app.c net.$kind /usr/lib/libnnf.a -lm -lpthread -ldl -o app-$kind
    same ./app-$kind
  done
  nnf-opt --version
}

add_model() {
  cmake -S project -B project/b
  cmake --build project/b -j2
  for app in app capp beside_app; do same project/b/$app; done
  cd project/b
  ctest --output-on-failure
}

# The builder's library: makes a graph, compiles it, runs it.
builder() {
  cmake -S builder-project -B builder-project/b
  cmake --build builder-project/b
  same builder-project/b/builder
}

ranks() {
  install ./libnnfc-mpi_*.deb
  cmake -S ranks-project -B ranks-project/b
  cmake --build ranks-project/b
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    OMPI_MCA_plm_rsh_agent=false OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_hwloc_base_binding_policy=none
  mpirun -n 3 ranks-project/b/ranks ./ready.so 0 0 app x.bin:1:5,3
  tail -n +2 app.out0 | cmp - expected.bin
  mpirun -n 2 nnf-run --data-parallel ready.so --input x=x.npy --output-dir ranks-out
  python3 -c 'import numpy as n; assert (n.load("ranks-out/y.npy").tobytes() == open("expected.bin", "rb").read())'
}

tutorial() { # NAME [PATH]
  mkdir "/tmp/$1"
  NNFC=${NNFC:-/usr/share/nnfc} python3 -B tutorial.py "$1.md" "/tmp/$1" "${2:-/usr/bin}" "transcripts/$1.txt"
}

# Where there is no package of nnfc, with what the tutorial says that the wheel needs.
wheel() {
  local needs
  needs=$(grep -o 'apt-get install [a-z0-9 -]*' python.md)
  install ${needs#apt-get install }
  apt-mark auto ${needs#apt-get install }
  python3 -m venv --system-site-packages /tmp/venv # NumPy is Debian's
  /tmp/venv/bin/pip install --no-index nnfc-*.whl
  NNFC=/nnfc tutorial python /tmp/venv/bin
}

purge() {
  apt-get purge -y -q nnfc libnnfc-dev libnnfc-runtime 'libnnfc-mpi*'
  apt-get autoremove -y -q --purge
  files >after
  diff before after
}

mkdir transcripts
case_is tools tools
ls nnfc-*.whl >/dev/null 2>&1 && case_is python_tools install python3-venv
ls libnnfc-mpi_*.deb >/dev/null 2>&1 && case_is mpi_tools install libopenmpi-dev openmpi-bin
files >before
case_is runtime_alone runtime_alone
case_is dev_without_compiler dev_without_compiler
ls nnfc-*.whl >/dev/null 2>&1 && case_is wheel_and_its_tutorial wheel
case_is compiler compiler
case_is add_model add_model
case_is builder builder
ls libnnfc-mpi_*.deb >/dev/null 2>&1 && case_is ranks ranks
case_is tutorial_command_line tutorial command-line
case_is tutorial_c tutorial c
case_is tutorial_builder tutorial builder
case_is purge purge
