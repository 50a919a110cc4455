"""Runs jobs in children of the standard library's forkserver, which has imported `sgtk` once.

Each line of standard input names a number of jobs, how many run at once, and the seconds between two. The answer: the
seconds of processor of this process, and of the server with its children; then the seconds of each job. Each child runs
this module again, so it is as small as it can be.
"""
import multiprocessing
import sys


def job():
    import sgtk
    sys.stdout.write(sgtk.__file__ + "\n")


if __name__ == "__main__":
    import os
    import threading
    import time
    from multiprocessing import forkserver

    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["sgtk"])

    def ticks(pid):
        with open("/proc/%d/stat" % pid) as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:15]))

    def run(jobs, pause, times):
        for _ in range(jobs):
            time.sleep(pause)
            begun = time.perf_counter()
            process = processes.Process(target=job)
            process.start()
            process.join()
            times.append(time.perf_counter() - begun)

    # The answers leave by a descriptor of their own: the jobs print.
    answers = os.fdopen(os.dup(1), "w")
    empty = os.open(os.devnull, os.O_WRONLY)
    os.dup2(empty, 1)
    for line in sys.stdin:
        jobs, at_once, pause = line.split()
        run(2, 0, [])
        server = forkserver._forkserver._forkserver_pid
        before, own, times = ticks(server), time.process_time(), []
        threads = [
            threading.Thread(target=run, args=(int(jobs) // int(at_once), float(pause), times))
            for _ in range(int(at_once))
        ]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed, own = time.perf_counter() - begun, time.process_time() - own
        children = (ticks(server) - before) / os.sysconf("SC_CLK_TCK")
        print(own, children, elapsed, *times, file=answers, flush=True)
