"""The AWS CLI, run many times in little time: `python warm_aws.py SOCKET`.

Each run is a process of its own, forked from this one, which has imported awscli and read its data on EC2, and done
nothing else: what takes a second of a cold one. What asks for a run is in conftest.py.
"""

import gc
import io
import marshal
import os
import signal
import socket
import sys
from contextlib import redirect_stderr, suppress
from functools import cache

import awscli.clidriver  # from here on botocore is the one within it
from botocore import client, loaders

_LIMIT_SECONDS = 180
_DATA = os.environ["AWS_DATA_PATH"]  # awscli sets it as it is imported


def run(asking: socket.socket, driver: awscli.clidriver.CLIDriver) -> int:
    _, handles, _, _ = socket.recv_fds(asking, 1, 3)
    with asking.makefile("rb") as file:
        args, env, cwd = marshal.load(file)
    child = os.fork()
    if not child:
        _be(
            driver, args, {os.fsdecode(name): os.fsdecode(value) for name, value in env.items()}, cwd, handles
        )
    for handle in handles:
        os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be(
    driver: awscli.clidriver.CLIDriver, args: list[str], env: dict[str, str], cwd: str, handles: list[int]
) -> None:
    """Become the run."""
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
    code = 1
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env, AWS_DATA_PATH=_DATA)
        signal.alarm(_LIMIT_SECONDS)
        sys.argv = ["aws", *args]
        driver.session._config = driver.session._profile_map = None  # the files of this home are read now
        code = driver.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 1  # nobody reads it any more
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Have each service's data read: by calls to where nobody is."""
    for name in ("list_api_versions", "list_available_services", "load_data_with_path"):
        setattr(loaders.Loader, name, cache(getattr(loaders.Loader, name)))
    loaders.Loader.__eq__, loaders.Loader.__hash__ = (lambda *_: True), (lambda _: 0)
    classes = dict[str, type]()  # of clients: that of EC2 has a method for each of 775 actions
    make_class = client.ClientCreator._create_client_class

    def class_of(self: client.ClientCreator, service: str, model: object) -> type:
        return classes.get(service) or classes.setdefault(service, make_class(self, service, model))

    client.ClientCreator._create_client_class = class_of
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1"}
    nowhere = ["--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1", "--output", "text"]
    for call in (
        ["ec2", "describe-security-groups"],
        ["sts", "get-caller-identity"],
        ["glue", "get-connections"],
    ):
        sys.argv = ["aws", *call, *nowhere]
        with redirect_stderr(io.StringIO()):
            awscli.clidriver.main()


if __name__ == "__main__":
    address = sys.argv[1]
    _warm_up()
    fresh = awscli.clidriver.create_clidriver()
    for service in ("ec2", "glue", "sts"):  # all of its commands, which each run would make anew
        fresh._get_command_table()[service]._get_command_table()
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            with connection, suppress(BrokenPipeError, EOFError):  # of who asked and was killed
                connection.sendall(str(run(connection, fresh)).encode())
