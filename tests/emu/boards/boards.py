"""What both reports know of the boards: their names, and where programs and images are built."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BOARDS = {"msp430": "Tmote Sky", "econotag": "Econotag"}
AES = {"soft": {"msp430": "software", "econotag": "software"},
       "coprocessor": {"msp430": "CC2420", "econotag": "ASM"}}
PROGRAMS = ("ssmd", "ssmctl", "ssm-node", "emu_msp430", "emu_econotag")


def build():
    """The directory of a build with gateway and emulators: $SSM_BUILD, or build/dev, which is brought up to date."""
    given = os.environ.get("SSM_BUILD")
    if given:
        return pathlib.Path(given)
    commands = (["cmake", "--preset", "dev"], ["cmake", "--build", "--preset", "dev", "--target", *PROGRAMS])
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} fails:\n{done.stdout}{done.stderr}")
    return ROOT / "build" / "dev"


def images():
    """(board, aes) of all."""
    return [(board, aes) for board in BOARDS for aes in AES]


def run_scripts(name, arguments):
    """Runs the script of that name here for each image at the same time; arguments(board, aes) follow."""
    environment = os.environ | {"SSM_BUILD": str(build())}
    started = [(board, aes, subprocess.Popen([HERE / name, board, aes, *arguments(board, aes)], env=environment,
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                             text=True))
               for board, aes in images()]
    failed = []
    for board, aes, process in started:
        output, _ = process.communicate()
        if process.returncode != 0:
            failed.append(f"{name} {board} {aes} fails:\n{output}")
    if failed:
        sys.exit("\n".join(failed))
