"""``make compare``: the same GEMMs on every machine, in RTL and by models; table, JSON, page."""

import multiprocessing
import platform
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from importlib.metadata import version as package_version
from typing import Any

from insitu.hdl.config import Config, UserError
from insitu.hdl.export import yosys
from insitu.hdl.support.files import digest, private_folder, write_whole
from insitu.hdl.support.progress import progress, spent
from insitu.sim_models.energy import LEFT_OUT, NODES, table
from insitu.synth.report import history

from ... import simulators
from .. import report
from .cases import CASES, NETWORKS, PEAKS
from .models import KINDS, at_one_peak, points, unequal
from .orders import claim, ranking, with_own_logic
from .page import page
from .run import measure
from .tables import POOLS, Machine, machines, not_equal, number, ranged

__all__ = ["assemble", "compare", "picked", "synthesis"]

WORKERS = 2
IMAGES = 40  # of the digits network, if nothing else is said
LONGEST = 100  # characters of a folder's name; beyond, what was picked is a digest of it


def picked(name: str, given: str, choices: list[str]) -> list[str]:
    """Names of a list with commas, ``all`` or ``none``; ``UserError`` for one that is unknown."""
    if given in ("all", "none"):
        return choices if given == "all" else []
    found = given.split(",")
    for one in found:
        if one not in choices:
            rule = f"all, none or some of {', '.join(choices)}"
            raise UserError(f"{name}: must be {rule}, not {one!r}")
    return found


def synthesis(names: list[str]) -> dict[str, dict[str, str]]:
    """The record of each whole machine on an ECP5-85F, mapped or routed with three seeds."""
    return {row["config"]: row for row in history("machine")
            if row["config"] in names and row["device"] == "ecp5-85f"}  # fmt: skip


def _figures() -> list[dict[str, Any]]:
    found = {f.item + f.node: f for node in NODES for f in table(node).figures.values()}
    return [dict(vars(figure)) for figure in found.values()]


def _own_logic(configs: dict[str, Config], found: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the digits network, with gates that were measured."""
    counted = {
        name: (configs[name].shell, layer["counters"])
        for name, one in found.items()
        for layer in one["layers"]
        if layer["layer"] == "digits"
    }
    return with_own_logic(counted, {node: pools[0] for node, pools in POOLS.items()})


def _orders(configs: dict[str, Config], found: dict[str, Any]) -> dict[str, Any]:
    """Rankings by case, node and memory."""
    orders: dict[str, Any] = {}
    for place, case in enumerate(next(iter(found.values()))["layers"] if found else []):
        counted = {
            name: (configs[name].shell, one["layers"][place]["counters"])
            for name, one in found.items()
        }
        orders[case["layer"]] = {
            node: {pool: ranking(counted, node, pool) for pool in table(node).pools}
            for node in NODES
        }
    return orders


def _task(job: Callable[..., Any], *given: Any) -> Any:
    try:
        return job(*given)
    except UserError as error:  # of any kind: only a message crosses processes
        raise UserError(str(error)) from None


def _weight(result: Config | str) -> float:
    """About how long a task takes: a build, and more cycles the fewer products each has."""
    peak = result.shell.array.macs_per_cycle if isinstance(result, Config) else None
    return 20 + 100 / peak if peak else 20


def _all(tasks: dict[str, tuple[Any, ...]], began: float) -> dict[str, Any]:
    """What all tasks return, two at a time, as two cores do; tells which are under way."""
    weights = {name: _weight(task[1]) for name, task in tasks.items()}
    done: dict[str, Any] = {}
    context = multiprocessing.get_context("spawn")
    with (
        progress(report.console, "comparing", sum(weights.values())) as work,
        ProcessPoolExecutor(WORKERS, mp_context=context) as pool,
    ):
        futures = {pool.submit(_task, *task): name for name, task in tasks.items()}
        left = set(futures)
        try:
            while left:
                ended, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
                for future in ended:
                    name, result = futures[future], future.result()
                    done[name] = result
                    took = spent(time.monotonic() - began)
                    what = result["status"] if isinstance(result, dict) else "done"
                    report.console.print(f"{name}: {what} after {took}")
                    work.advance(weights[name])
                busy = ", ".join([futures[f] for f in futures if f in left][:WORKERS])
                work.say(f"{len(done)} of {len(tasks)} done, now {busy}")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return done


def compare(
    *, chosen: str, cases: str, networks: str, peaks: str, images: int, sim_name: str, seed: int
) -> int:
    """Everything that is asked for; the exit status."""
    every = machines()
    there = {machine.config: config for machine, config in every.items() if config}
    names = picked("MACHINES", chosen, list(there))
    work = picked("CASES", cases, list(CASES))
    nets = picked("NETWORKS", networks, list(NETWORKS))
    sizes = [int(x) for x in picked("PEAKS", peaks, [str(x) for x in PEAKS])]
    picks = {"machines": chosen, "cases": cases, "networks": networks, "peaks": peaks}
    picked_ones = [f"{name}={given}" for name, given in picks.items() if given != "all"]
    case = report.case_of("-".join(["compare", *picked_ones]), seed=seed, sim=sim_name)
    if images != IMAGES:
        case += f"-images{images}"
    if len(case) > LONGEST:
        case = f"compare-{digest(case)[:12]}"
    folder = report.BUILD / case
    with private_folder(folder) as scratch:
        began, command = time.monotonic(), report.command()
        tasks: dict[str, tuple[Any, ...]] = {}
        if work:
            tasks |= {
                n: (measure, there[n], work, sim_name, images, seed, scratch / n) for n in names
            }
        if sizes:
            tasks |= {f"models of {NETWORKS[n]}": (points, n, sizes) for n in nets}
        done = _all(tasks, began)
        found = {name: done[name] for name in names if name in done}
        modelled = [x for n in nets for x in done.get(f"models of {NETWORKS[n]}", [])]
        result = assemble(
            there, every, found, modelled,
            command=command, images=images, sim_name=sim_name, seed=seed,
        )  # fmt: skip
        result["wall_s"] = round(time.monotonic() - began, 1)
        report.write(scratch, result)
        write_whole(scratch / "index.html", page(result))
    _print(result)
    report.console.print(
        f"report: {folder / 'report.json'}\npage: {folder / 'index.html'}", soft_wrap=True
    )
    if result["status"] != "ok":
        report.console.print(f"FAILED: {result['status']}", style="red")
        return 1
    if found:
        report.console.print("bit-exact", style="green")
    return 0


def assemble(
    there: dict[str, Config], every: dict[Machine, Config | None], found: dict[str, Any],
    modelled: list[dict[str, Any]], *, command: str, images: int, sim_name: str, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """The report."""
    rungs = {machine.config: machine.rung for machine in every}
    tools = {name: package_version(name) for name in ("numpy", "numba", "matplotlib")}
    simulated: dict[str, Any] = {}
    if found:
        simulated = {
            "design_hash": {name: one["design_hash"] for name, one in found.items()},
            "seed": seed,
            "images": images,
        }
        tools |= {"yosys": yosys.version(), sim_name: simulators.version(sim_name)}
        tools |= {name: package_version(name) for name in ("amaranth", "cocotb")}
    statuses = [one["status"] for one in found.values()]
    statuses += [
        "words_differ_from_formula"
        for one in found.values()
        if not one["words"]["equal"] or not all(x["words_as_formula"] for x in one["layers"])
    ]
    return {
        "schema": "insitu-compare-2",
        "command": command,
        "config": list(found),
        **simulated,
        "tools": {"python": platform.python_version(), **tools},
        "status": next((x for x in statuses if x != "ok"), "ok"),
        "machines": {name: {"rung": rungs.get(name, "")} | one for name, one in found.items()},
        "absent": {m.config: m.rung for m, config in every.items() if config is None},
        "not_equal": not_equal({name: there[name].shell for name in found}),
        "orders": _orders(there, found),
        "models": {
            "kinds": list(KINDS),
            "points": modelled,
            "not_equal": unequal(),
            "at_one_peak": at_one_peak(modelled),
        },
        "own_logic": _own_logic(there, found),
        "claim": [row for node in NODES for row in claim(node)],
        "pools": POOLS,
        "left_out": LEFT_OUT,
        "figures": _figures(),
        "synth": synthesis(list(found)),
    }


def _cells(found: dict[str, Any], usual: dict[str, str]) -> list[str]:
    """Of a case or a network, two lines each: cycles and how many of them are used, bits per
    product and their bound, pJ per product and their range."""
    cells = [
        f"{found['cycles']:,}\n{100 * found['utilisation']:.1f} %",
        f"{number(found['bits_per_mac'])}\n{number(found['bound_bits_per_mac'])}",
    ]
    for node, pool in usual.items():
        energy = ranged(found["energy"][node][pool]["total_pj"], found["macs"])
        value, _, around = energy.partition(" ")
        cells.append(f"{value}\n{around.strip('()')}")
    return cells


def _print(result: dict[str, Any]) -> None:
    """Tables on the terminal."""
    usual = {node: pools[0] for node, pools in POOLS.items()}
    columns = ["cycles_used", "bits/MAC_at least"]
    columns += [f"pJ/MAC {node}_{pool}" for node, pool in usual.items()]
    for case, what in CASES.items():
        found = [
            (name, layer)
            for name, one in result["machines"].items()
            for layer in one["layers"]
            if layer["layer"] == case
        ]
        rows = [
            [name, *_cells(x, usual), number(x["words_per_mac"]),
             x["bit_exact"] and x["words_as_formula"]]
            for name, x in found
        ]  # fmt: skip
        if rows:
            report.table(what, ["machine", *columns, "words/_MAC", "exact"], rows)
    for network, what in NETWORKS.items():
        rows = [
            [x["kind"], x["peak_macs_per_cycle"], *_cells(x, usual)]
            for x in result["models"]["points"]
            if x["network"] == network
        ]
        if rows:
            report.table(f"{what}, by the models", ["machine", "peak", *columns], rows)
    digits = result["orders"].get("digits", {})
    for node, pool in usual.items():
        if node not in digits:
            continue
        order = digits[node][pool]
        for name, (low, value, high) in order["scalar_to_best"].items():
            report.console.print(
                f"digits, {node}, {pool}: {name} takes {value:.0f} times ({low:.0f} to {high:.0f}) "
                f"the energy of {order['best']}"
            )
        for a, b in order["open"]:
            report.console.print(f"digits, {node}, {pool}: {a} before {b}, open within the ranges")
    for line in result["not_equal"] + result["models"]["not_equal"]:
        report.console.print(f"not equal: {line}", soft_wrap=True)
    for name, rung in result["absent"].items():
        report.console.print(f"not there yet: {name} ({rung})", soft_wrap=True)
    report.console.print(f"energy leaves out: {result['left_out']}", soft_wrap=True)
