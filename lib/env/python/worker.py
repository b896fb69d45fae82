"""A process that runs a Gymnasium task for gogepo: python worker.py '{"id": ..., "options": ...}'.

It communicates through one file descriptor. A message consists of 4 magic bytes, its length (4 bytes) and its content,
all little-endian. The first message is empty and shows that the script is running. The second one describes the task,
or says why it cannot be run. gogepo then sends what the process is for: the policies that it plays, with the library in
which they act, or {"steps": true} for single steps. The worker confirms with a message, then answers one request at a
time. Standard output and standard error belong to the task. lib/env/python-worker.ts is the other end.
"""
import json
import os
import select
import signal
import struct
import sys
import threading

CHANNEL = 3  # the inherited descriptor; it is moved out of the way of tasks that open and close descriptors
PRIVATE = 200  # the lowest descriptor that it is moved to
MAGIC = b"gppo"


def guard():
    """Forks: the worker continues in the child process. The parent waits until the child ends or gogepo closes the
    channel, then kills the child's process group, so that neither the child nor any process that the task has started
    outlives gogepo."""
    # The child returns.
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, in case the waiting process is killed
            if os.getppid() != parent:
                os._exit(1)
        return

    # The parent keeps nothing open but the channel.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def end_worker():
        try:
            os.killpg(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait_for_hangup():
        hangup = select.poll()
        hangup.register(CHANNEL, 0)
        hangup.poll()
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass

    threading.Thread(target=wait_for_hangup, daemon=True).start()
    status = os.waitpid(worker, 0)[1]
    end_worker()
    os._exit(os.waitstatus_to_exitcode(status) % 256)  # killed by signal n: 256 - n


def read(size):
    data = requests.read(size)
    if len(data) < size:
        os._exit(0)  # gogepo no longer needs this worker
    return data


def receive():
    _magic, size = struct.unpack("<4sI", read(8))
    return read(size)


def send(message):
    answers.write(MAGIC + struct.pack("<I", len(message)) + message)
    answers.flush()


def refuse(kind, message):
    send(json.dumps({"refused": kind, "message": " ".join(message.split())}).encode())


def main(task):
    try:
        env = gogepo_task.make(task["id"], {name: gogepo_task.value(given) for name, given in task["options"].items()})
        description = gogepo_task.described(env)
    except gogepo_task.Refused as refused:
        return refuse(refused.kind, str(refused))
    send(json.dumps(description).encode())
    purpose = json.loads(receive())
    served = gogepo_stepper.Stepper(env) if purpose.get("steps") else gogepo_player.Player(env, purpose)
    send(served.greeting)
    while True:
        send(served.answer(receive()))


def take_channel():
    """Moves the channel to descriptors that no task is likely to touch; the inherited one then refers to /dev/null."""
    import fcntl

    private = fcntl.fcntl(CHANNEL, fcntl.F_DUPFD_CLOEXEC, PRIVATE)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, CHANNEL, inheritable=False)
    os.close(nothing)
    return os.fdopen(private, "rb"), os.fdopen(fcntl.fcntl(private, fcntl.F_DUPFD_CLOEXEC, PRIVATE), "wb")


def import_modules():
    """Imports what follows only from here: before the task's folder is on the path, and without the folder of this script,
    since a random.py or copy.py there must not replace Python's own modules."""
    global gogepo_player, gogepo_stepper, gogepo_task
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != own]
    import random  # noqa: F401

    import gymnasium  # noqa: F401
    import numpy  # noqa: F401

    sys.path.insert(0, own)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing is written into the package
    import gogepo_player
    import gogepo_stepper
    import gogepo_task

    sys.dont_write_bytecode = written
    sys.path.remove(own)


if __name__ == "__main__":
    guard()
    requests, answers = take_channel()
    send(b"")
    try:
        import_modules()
    except ImportError as error:
        refuse("install", f"has no module {error.name}")
    else:
        task = json.loads(sys.argv[1])
        if ":" in task["id"]:
            sys.path.insert(0, os.getcwd())  # modules are found in the folder where gogepo was started
        main(task)
