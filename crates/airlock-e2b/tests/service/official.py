"""The official client, against the service of these tests: it must find there what it finds at E2B."""

from e2b import CommandExitException, NotFoundException, Sandbox, SandboxException

sandbox = Sandbox.create(timeout=60, allow_internet_access=False)
assert sandbox.is_running()

done = sandbox.commands.run("echo out; echo err >&2; echo $GIVEN", envs={"GIVEN": "a b"})
assert (done.exit_code, done.stdout, done.stderr) == (0, "out\na b\n", "err\n"), done
try:
    sandbox.commands.run("exit 3")
    raise AssertionError("a code that is not zero is an error")
except CommandExitException as error:
    assert error.exit_code == 3, error

sandbox.files.write("/home/user/a b", "content")
assert sandbox.files.read("/home/user/a b") == "content"
assert sandbox.commands.run("cat 'a b'", cwd="/home/user").stdout == "content"
try:
    sandbox.files.read("/home/user/none")
    raise AssertionError("there is no such file")
except NotFoundException:
    pass

handle = sandbox.commands.run("cat", background=True, stdin=True)
sandbox.commands.send_stdin(handle.pid, "typed")
for out, _, _ in handle:
    assert out == "typed", out
    break
assert handle.kill()

sandbox.set_timeout(120)
sandbox.pause()
sandbox = Sandbox.connect(sandbox.sandbox_id)
assert sandbox.commands.run("cat 'a b'", cwd="/home/user").stdout == "content"
assert sandbox.kill()
assert not sandbox.is_running()
try:
    sandbox.commands.run("true")
    raise AssertionError("the machine is gone")
except SandboxException:
    pass
print("all of it")
