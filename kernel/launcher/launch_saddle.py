#!/usr/bin/env python3
"""Starts `saddle kernel` for a gateway on another machine, and tells that gateway how to reach it.

Enterprise Gateway's process proxies and gateway-provisioners start this where the kernel is to run. They wait for its connection
information at `--response-address`, encrypted for `--public-key`, and later send signals to the port that is named in it.
kernel/README.md, "Kernels elsewhere", has the kernelspec. Needs pycryptodomex (Debian: python3-pycryptodome), and `saddle` on the path.
"""

import argparse
import base64
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from Cryptodome.Cipher import AES, PKCS1_v1_5
from Cryptodome.PublicKey import RSA
from Cryptodome.Util.Padding import pad

PORTS = ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"]
# How often another port of a range is tried where one is in use.
TRIES = 100
# Seconds that a kernel has to end by itself once the gateway has asked it to.
PATIENCE = 5


def bound(port_range):
    """A socket on a free port of `LOWEST..HIGHEST`; `0..0`: on any."""
    lowest, highest = (int(port) for port in port_range.split(".."))
    for _ in range(TRIES):
        # Of all addresses of this machine: the gateway decides by which it reaches it.
        found = socket.socket()
        try:
            found.bind(("0.0.0.0", random.randint(lowest, highest) if highest > lowest else 0))
            return found
        except OSError:
            found.close()
    sys.exit(f"no port of {port_range} is free")


def sealed(information, public_key):
    """Under a fresh AES key, and that under the gateway's key: what its launchers call version 1."""
    key = secrets.token_bytes(16)
    body = AES.new(key, AES.MODE_ECB).encrypt(pad(json.dumps(information).encode(), 16))
    key = PKCS1_v1_5.new(RSA.import_key(base64.b64decode(public_key))).encrypt(key)
    parts = {"version": 1, "key": base64.b64encode(key).decode(), "conn_info": base64.b64encode(body).decode()}
    return base64.b64encode(json.dumps(parts).encode())


def respond(address, message):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as gateway:
        gateway.sendall(message)


def obey(requests, kernel):
    """`{"signum": 2}`, of which 0 only asks whether anybody is there, and `{"shutdown": 1}` from the gateway, a connection each."""
    while True:
        connection, _ = requests.accept()
        try:
            connection.settimeout(5)
            with connection, connection.makefile("rb") as text:
                request = json.loads(text.read(4096))
            if request.get("signum"):
                kernel.send_signal(int(request["signum"]))
            if request.get("shutdown"):
                break
        except Exception:
            continue  # Not the gateway. Whatever it has sent (`{"signum": [1]}`, a number of thirty digits), the gateway is heard after it.
    # From here on nobody is there, as far as the gateway can tell.
    requests.close()
    try:
        kernel.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        kernel.terminate()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kernel-id", required=True)
    parser.add_argument("--response-address", required=True, metavar="HOST:PORT")
    parser.add_argument("--public-key", required=True, help="the gateway's, in base64")
    parser.add_argument("--port-range", default="0..0", metavar="LOWEST..HIGHEST")
    parser.add_argument("--program", default="saddle", help="the path of `saddle`")
    # Others are for Spark.
    options, _ = parser.parse_known_args()
    # A group of its own, which the gateway can signal as a whole.
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    requests = bound(options.port_range)
    requests.listen()
    held = {name: bound(options.port_range) for name in PORTS}
    information = {name: taken.getsockname()[1] for name, taken in held.items()}
    information.update(ip="0.0.0.0", transport="tcp", key=secrets.token_hex(32), signature_scheme="hmac-sha256")
    descriptor, path = tempfile.mkstemp(prefix="saddle-", suffix=".json")
    try:
        with open(descriptor, "w") as file:
            json.dump(information, file)
        for taken in held.values():
            taken.close()
        # The kernel ends with this process, which the gateway's number in the environment would not let it see.
        env = {**os.environ, "JPY_PARENT_PID": str(os.getpid())}
        try:
            kernel = subprocess.Popen([options.program, "kernel", "-f", path], env=env)
        except OSError as error:
            sys.exit(f"{options.program} cannot be started: {error}")
        # What is sent to the group reaches the kernel by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: kernel.terminate())
        information.update(
            kernel_id=options.kernel_id, pid=os.getpid(), pgid=os.getpgrp(), comm_port=requests.getsockname()[1]
        )
        try:
            respond(options.response_address, sealed(information, options.public_key))
        except (OSError, ValueError) as error:
            kernel.terminate()
            sys.exit(f"the gateway at {options.response_address} cannot be told: {error}")
        threading.Thread(target=obey, args=(requests, kernel), daemon=True).start()
        status = kernel.wait()
    finally:
        os.unlink(path)
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
