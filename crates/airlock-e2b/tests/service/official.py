"""The official clients, against the service of these tests: they must find there what they find at E2B."""

from e2b import CommandExitException, NotFoundException, Sandbox, SandboxException
from e2b_code_interpreter import Sandbox as Interpreter

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

interpreter = Interpreter.create(timeout=60, allow_internet_access=False, network={"allow_public_traffic": False})
assert interpreter.traffic_access_token
seen = []
code = "import sys; print('out'); print('err', file=sys.stderr); 6 * 7"
done = interpreter.run_code(code, on_stdout=lambda message: seen.append(message.line))
assert (done.text, done.error, done.execution_count) == ("42", None, 1), done
assert ("".join(done.logs.stdout), "".join(done.logs.stderr), "".join(seen)) == ("out\n", "err\n", "out\n"), done
assert interpreter.run_code("import os; x = os.environ['GIVEN']; x", envs={"GIVEN": "a b"}).text == "'a b'"
# It remembers, which is why we end a machine after each run.
assert interpreter.run_code("x").text == "'a b'"
assert interpreter.run_code("echo $((6 * 7))", language="bash").logs.stdout == ["42\n"]
error = interpreter.run_code("int('x')").error
assert error.name == "ValueError" and "'x'" in error.value and "line 1" in error.traceback, error
try:
    interpreter.run_code("x", language="cobol")
    raise AssertionError("there is no such language")
except SandboxException:
    pass
# Such a machine is one as any other, too.
assert interpreter.commands.run("echo out").stdout == "out\n"
assert interpreter.kill()
try:
    interpreter.run_code("x")
    raise AssertionError("the machine is gone")
except SandboxException:
    pass
print("all of it")
