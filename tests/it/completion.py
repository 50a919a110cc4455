"""Types lines into a shell on a terminal, as a user would, and prints what the launcher then gets.

usage: completion.py SHELL SCRIPTS, with a JSON list of lines on standard input. Each line is typed up to its tabs
and sent off; the answer is a JSON list with the words and the terminal's text of each. The `sgtk-python` on `PATH`
is a program of the test's that prints its words. Stops at a line that the shell does not run: its words are null.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time

PROMPT = "ready%"
LIMIT = 30.0
START = {
    "bash": (["--norc", "--noprofile", "-i"], "source '{0}/sgtk-python.bash'; bind 'set bell-style none'; PS1='ready''%'"),
    "zsh": (["-f", "-i"], "fpath=('{0}' $fpath); autoload -U compinit; compinit -u -D; PS1='ready''%%'"),
    "fish": (["--no-config", "-i"], "source '{0}/sgtk-python.fish'; function fish_prompt; echo -n ready'%'; end"),
}


class Terminal:
    def __init__(self, shell, words):
        self.output = b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execvp(shell, [shell, *words])

    def type(self, keys):
        self.output = b""
        os.write(self.terminal, keys.encode())

    def wait_for(self, pattern):
        end = time.monotonic() + LIMIT
        while True:
            found = re.search(pattern, self.text(), re.S)
            if found:
                return found
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                return None
            self.output += os.read(self.terminal, 65536)

    def text(self):
        return self.output.decode(errors="replace")


def main():
    shell, scripts = sys.argv[1:]
    words, start = START[shell]
    lines = json.load(sys.stdin)
    terminal = Terminal(shell, words)
    terminal.type(start.format(scripts) + "\r")
    terminal.wait_for(PROMPT)
    answers = []
    for line in lines:
        terminal.type(line + "\r")
        found = terminal.wait_for(r"GOT(.*?)END.*" + PROMPT)
        if not found:
            answers.append({"words": None, "text": terminal.text()})
            break
        answers.append({"words": found.group(1), "text": found.string[: found.start()]})
    os.kill(terminal.child, signal.SIGKILL)
    os.waitpid(terminal.child, 0)
    json.dump(answers, sys.stdout)


main()
