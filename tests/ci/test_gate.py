"""What each kind of rule concludes, and what the gate makes of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_eval.ci.bounds import at_least, bound
from llm_eval.ci.calibration import Calibration, Label, from_confusion, write_calibration
from llm_eval.ci.evidence import Evidence
from llm_eval.ci.finding import Finding
from llm_eval.ci.gate import check
from llm_eval.ci.rules import NonInferiority
from llm_eval.ci.thresholds import parse_thresholds
from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.scorers.base import Deterministic, Scores
from llm_eval.scorers.deterministic import ExactMatch
from llm_eval.stats.paired import compare_paired
from llm_eval.types import Metric, ModelResponse, Sample, Score, Usage
from tests.ci.conftest import Judge, Questions, Reply, Runs, gate, response, verdict, wrong_below


@dataclass(frozen=True)
class Graded(Deterministic):
    """A grade, and whether it passes: one name begins as the other."""

    name = "graded"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("grade"), Metric("grade_pass", "rate"))

    def grade(self, sample: Sample, answer: Any) -> Scores:
        right = float(answer == sample.target)
        return (Score("grade", right / 2), Score("grade_pass", right))


class OfTwoDocuments(Questions):
    """Questions that hang together by document."""

    def samples(self, split: str = "test") -> Iterator[Sample]:
        for sample in super().samples(split):
            yield replace(sample, cluster=f"document {sample.inputs['q'] % 2}")


FLOOR = "gates: [{id: floor, metric: exact_match, kind: floor, min: %s}]"
NO_DROP = "gates: [{id: drop, metric: exact_match, kind: non_inferiority, margin: %s}]"


class TestFloor:
    """The interval is held against the limit, not the point."""

    @pytest.mark.parametrize(
        ("wrong", "status", "code"), [(6, "pass", 0), (20, "inconclusive", 3), (60, "fail", 1)]
    )
    def test_three_verdicts(self, wrong: int, status: str, code: int, runs: Runs) -> None:
        report = gate(FLOOR % 0.9, runs.make(wrong_below(wrong)))
        assert (report.status, report.exit_code) == (status, code)

    def test_a_point_above_the_limit_is_not_enough(self, runs: Runs) -> None:
        (result,) = gate(FLOOR % 0.9, runs.make(wrong_below(20))).results
        assert result.finding.observed == pytest.approx(220 / 240)
        assert result.finding.required_n is not None
        assert result.finding.required_n > 240
        assert (
            f"about {result.finding.required_n:,} samples would decide it" in result.finding.reason
        )

    def test_two_perfect_samples_prove_nothing(self, runs: Runs) -> None:
        assert verdict(FLOOR % 0.9, runs.make(limit=2)) == "inconclusive"

    def test_repeats_of_two_samples_prove_nothing_either(self, runs: Runs) -> None:
        assert verdict(FLOOR % 0.9, runs.make(limit=2, epochs=50)) == "inconclusive"

    def test_a_limit_at_the_true_rate_blocks_few_runs(self) -> None:
        rng, blocked = np.random.default_rng(1), 0
        for _ in range(2000):
            values = (rng.random(100) < 0.92).astype(float)
            found = bound(values, None, rate=True, reach=1, limit=0.92, alpha=0.05)
            blocked += at_least(found, 0.92, 0.05, "m").status == "fail"
        assert blocked / 2000 <= 0.05

    def test_of_means_as_of_rates(self) -> None:
        rng, passed = np.random.default_rng(2), 0
        for _ in range(2000):
            values = rng.beta(4, 1, size=60)
            found = bound(values, None, rate=False, reach=1, limit=0.8, alpha=0.05)
            passed += at_least(found, 0.8, 0.05, "m").status == "pass"
        assert passed / 2000 <= 0.05  # the mean is .8: passing is the mistake

    def test_pass_hat_k_can_have_a_floor(self, runs: Runs) -> None:
        shaky = runs.make(
            lambda number, epoch: "wrong" if number < 120 and epoch == 0 else str(number), epochs=3
        )
        rule = 'gates: [{id: f, metric: "exact_match_pass^3", kind: floor, min: 0.9}]'
        (result,) = gate(rule, shaky).results
        assert (result.status, result.finding.observed) == ("fail", 0.5)

    def test_half_of_the_tries_is_no_majority(self, runs: Runs) -> None:
        shaky = runs.make(lambda n, e: "wrong" if n < 120 and e else str(n), epochs=2)
        rule = 'gates: [{id: f, metric: "exact_match_majority", kind: floor, min: 0.1}]'
        assert gate(rule, shaky).results[0].finding.observed == 0.5

    @pytest.mark.parametrize(("kind", "share"), [("pass@3", 1.0), ("pass^3", 0.5)])
    def test_a_rate_whose_name_begins_as_another_metrics(
        self, kind: str, share: float, runs: Runs
    ) -> None:
        task = Questions(scorers=(Graded(),))
        shaky = runs.make(lambda n, e: "wrong" if n < 120 and e else str(n), task, epochs=3)
        rule = f'gates: [{{id: f, metric: "grade_pass_{kind}", kind: floor, min: 0.1}}]'
        assert gate(rule, shaky).results[0].finding.observed == share

    def test_tries_at_samples_of_two_documents_prove_nothing(self, runs: Runs) -> None:
        rule = 'gates: [{id: f, metric: "exact_match_majority", kind: floor, min: 0.6}]'
        shaky: Reply = lambda n, _: "wrong" if n % 10 == 0 else str(n)  # noqa: E731
        assert verdict(rule, runs.make(shaky, epochs=3)) == "pass"
        assert verdict(rule, runs.make(shaky, OfTwoDocuments(), epochs=3)) == "inconclusive"

    def test_in_a_slice(self, runs: Runs) -> None:
        hard_wrong = runs.make(lambda number, _: "wrong" if number % 3 == 0 else str(number))
        for label, status in (("hard", "fail"), ("easy", "pass")):
            rule = f"gates: [{{id: s, metric: exact_match, kind: floor, min: 0.9, slice: {label}}}]"
            assert verdict(rule, hard_wrong) == status


class TestComparison:
    """Paired with the baseline."""

    @pytest.mark.parametrize(
        ("wrong", "status"), [(0, "pass"), (4, "pass"), (30, "fail"), (12, "inconclusive")]
    )
    def test_non_inferiority(self, wrong: int, status: str, runs: Runs) -> None:
        baseline = runs.make(wrong_below(10))
        current = runs.make(lambda n, _: "wrong" if n < 10 + wrong else str(n))
        expected = {"inconclusive": ("inconclusive", "fail")}.get(status, (status,))
        assert verdict(NO_DROP % 0.05, current, baseline) in expected

    def test_replies_that_were_empty_and_no_longer_are_count_as_more_tokens(
        self, runs: Runs
    ) -> None:
        def reply(n: int, _: int) -> ModelResponse:
            return response(str(n), usage=Usage(10, 0 if n < 60 else 2))

        before, after = runs.make(reply), runs.make()
        (result,) = gate('completion_tokens: "<= baseline * 1.2"', after, before).results
        assert result.finding.observed == pytest.approx(240 / 180)
        assert result.status == "fail"

    @pytest.mark.parametrize("limit", [3, 30])
    def test_a_baseline_that_took_nearly_nothing_is_held_against_without_a_crash(
        self, limit: int, runs: Runs
    ) -> None:
        def reply(n: int, _: int) -> ModelResponse:
            return response(str(n), usage=Usage(10, 0 if n else 2))

        before, after = runs.make(reply, limit=limit), runs.make(limit=limit)
        rule = 'completion_tokens: "<= baseline * 1.2"'
        assert verdict(rule, after, before) == ("inconclusive" if limit == 3 else "fail")

    def test_an_improvement_passes(self, runs: Runs) -> None:
        assert verdict(NO_DROP % 0.05, runs.make(), runs.make(wrong_below(60))) == "pass"

    def test_a_bound_that_the_interval_does_not_show_is_said(self, runs: Runs) -> None:
        baseline = runs.make(wrong_below(10))
        reasons = [
            gate(NO_DROP % margin, runs.make(wrong_below(13)), baseline).results[0].finding.reason
            for margin in (0.05, 0.035)
        ]
        assert reasons[0].endswith("a change of -0.05 is too much, and is ruled out")
        assert "and is ruled out by the one-sided bound -0.0" in reasons[1]

    def test_a_baseline_with_nothing_to_lose_is_said(self, runs: Runs) -> None:
        baseline = runs.make(wrong_below(236))
        (result,) = gate(NO_DROP % 0.05, runs.make(wrong_below(240)), baseline).results
        assert result.status == "pass"
        assert result.finding.reason.endswith("the baseline has less than that to lose")

    def test_two_samples_never_pass(self, runs: Runs) -> None:
        baseline, current = runs.make(limit=2), runs.make(limit=2)
        (result,) = gate(NO_DROP % 0.05, current, baseline).results
        assert result.status == "inconclusive"
        assert result.finding.required_n

    def test_relative_allows_a_share(self, runs: Runs) -> None:
        rule = "gates: [{id: r, metric: exact_match, kind: relative, max_drop: %s}]"
        baseline, current = runs.make(wrong_below(60)), runs.make(wrong_below(84))
        assert verdict(rule % 0.3, current, baseline) == "pass"
        assert verdict(rule % 0.05, current, baseline) == "fail"

    def test_relative_of_what_should_be_low(self, runs: Runs) -> None:
        rule = "gates: [{id: r, metric: mistake, kind: relative, max_increase: %s}]"
        baseline, current = runs.make(wrong_below(60)), runs.make(wrong_below(84))
        assert verdict(rule % 0.9, current, baseline) == "pass"
        assert verdict(rule % 0.05, current, baseline) == "fail"

    def test_of_nothing_no_share_can_be_taken(self, runs: Runs) -> None:
        rule = "gates: [{id: r, metric: exact_match, kind: relative, max_drop: 0.1}]"
        (result,) = gate(rule, runs.make(), runs.make(wrong_below(240))).results
        assert result.status == "fail"
        assert "no share can be taken" in result.finding.reason

    def test_a_bound_on_the_margin_is_not_within_it(self, runs: Runs) -> None:
        baseline, current = runs.make(wrong_below(10)), runs.make(wrong_below(14))
        before, after = (run.values("exact_match") for run in (baseline, current))
        bound = -compare_paired(before, after).margin_low
        for margin, status in ((bound, "inconclusive"), (bound + 1e-9, "pass")):
            (rule,) = parse_thresholds(NO_DROP % 0.1).rules
            assert isinstance(rule, NonInferiority)
            found = replace(parse_thresholds(NO_DROP % 0.1), rules=(replace(rule, margin=margin),))
            assert check(found, current, baseline).status == status

    def test_relative_wants_the_side_that_is_worse(self, runs: Runs) -> None:
        rule = "gates: [{id: r, metric: exact_match, kind: relative, max_increase: 0.1}]"
        with pytest.raises(ConfigError, match="give max_drop"):
            gate(rule, runs.make(), runs.make())

    def test_cost_and_latency_against_the_baseline(self, runs: Runs) -> None:
        dear = runs.make(lambda n, _: response(str(n), cost_usd=0.002, latency_s=0.5 + n / 1e4))
        baseline = runs.make(lambda n, _: response(str(n), latency_s=0.1 + n / 1e4))
        for measure in ("cost_usd", "latency_p95_s", "latency_p50_s"):
            rule = f"{measure}: '<= baseline * 1.2'"
            assert verdict(rule, dear, baseline) == "fail"
            assert verdict(rule, baseline, dear) == "pass"

    def test_a_ratio_that_may_be_either_is_inconclusive(self, runs: Runs) -> None:
        rng = np.random.default_rng(5)
        factors = rng.lognormal(np.log(1.2), 1.0, 240)
        now = runs.make(lambda n, _: response(str(n), cost_usd=0.001 * factors[n], latency_s=0.1))
        (result,) = gate("cost_usd: '<= baseline * 1.8'", now, runs.make()).results
        assert result.status == "inconclusive"
        assert result.finding.required_n is not None
        assert result.finding.required_n > 240

    def test_twenty_samples_say_something_of_a_sum_and_nineteen_nothing(self, runs: Runs) -> None:
        for n, status in ((20, "pass"), (19, "inconclusive")):
            task = Questions(n=n)
            found = gate(
                "cost_usd: '<= baseline * 1.2'", runs.make(task=task), runs.make(task=task)
            )
            assert found.status == status
        assert found.results[0].finding.required_n == 20

    def test_a_total_may_reach_its_ceiling(self, runs: Runs) -> None:
        run = runs.make()
        assert verdict("total_tokens: '<= 2880'", run) == "pass"
        assert verdict("total_tokens: '<= 2879'", run) == "fail"

    def test_a_drop_in_one_slice_is_found_behind_the_average(self, runs: Runs) -> None:
        baseline = runs.make(lambda n, _: "wrong" if n % 3 and n < 60 else str(n))
        current = runs.make(lambda n, _: "wrong" if n % 3 == 0 and n < 100 else str(n))
        rule = """
gates:
  - {id: all, metric: exact_match, kind: non_inferiority, margin: 0.1}
  - {id: each, metric: exact_match, kind: non_inferiority, margin: 0.1, slice: "*"}
"""
        report = gate(rule, current, baseline)
        found = {result.id: result.status for result in report.results}
        assert found == {"all": "pass", "each[easy]": "pass", "each[hard]": "fail"}

    def test_an_unpaired_price_is_no_pass(self, runs: Runs) -> None:
        free = runs.make(lambda n, _: response(str(n), cost_usd=None))
        report = gate("cost_usd: '<= 1'", free)
        assert report.status == "fail"
        assert "unknown" in report.results[0].finding.reason


class TestNewlyFailing:
    """A sample is blamed when every try passed before and none does now."""

    RULE = "gates: [{id: new, kind: newly_failing, max: 0, confirm: 3}]"

    def test_one_try_is_no_confirmation(self, runs: Runs) -> None:
        (result,) = gate(self.RULE, runs.make(wrong_below(2)), runs.make()).results
        assert result.status == "inconclusive"
        assert "--epochs 3" in result.finding.reason
        assert result.finding.samples == ("q-0", "q-1")

    def test_three_tries_are(self, runs: Runs) -> None:
        current = runs.make(wrong_below(2), epochs=3)
        assert verdict(self.RULE, current, runs.make(epochs=3)) == "fail"

    def test_an_unstable_sample_is_no_regression(self, runs: Runs) -> None:
        current = runs.make(lambda n, e: "wrong" if n < 9 and e == n % 3 else str(n), epochs=3)
        (result,) = gate(self.RULE, current, runs.make(epochs=3)).results
        assert result.status == "pass"
        assert "9 more are unstable" in result.finding.reason

    def test_what_passed_now_and_then_does_not_newly_fail(self, runs: Runs) -> None:
        before = runs.make(lambda n, e: "wrong" if n == 0 and e < 2 else str(n), epochs=3)
        (result,) = gate(self.RULE, runs.make(wrong_below(1), epochs=3), before).results
        assert result.status == "pass"
        assert "1 more are unstable" in result.finding.reason

    @pytest.mark.parametrize("tries", [(1, 3), (3, 1)])
    def test_the_run_with_fewer_tries_counts(self, tries: tuple[int, int], runs: Runs) -> None:
        before, after = (runs.make(epochs=n) for n in tries)
        assert verdict(self.RULE, after, before) == "pass"
        worse = runs.make(wrong_below(2), epochs=tries[1])
        found = verdict(self.RULE, worse, before)
        assert found == "inconclusive"

    def test_from_which_value_a_sample_passes(self, runs: Runs) -> None:
        worse, baseline = runs.make(wrong_below(2)), runs.make()
        for metric in ("correct", "mistake"):
            rule = f"kind: newly_failing, confirm: 1, metric: {metric}, pass_at: 0.5"
            (result,) = gate(f"gates: [{{id: n, {rule}}}]", worse, baseline).results
            assert (result.status, result.finding.observed) == ("fail", 2)

    def test_so_many_may_fail(self, runs: Runs) -> None:
        current, baseline = runs.make(wrong_below(2), epochs=3), runs.make(epochs=3)
        assert verdict(self.RULE.replace("max: 0", "max: 2"), current, baseline) == "pass"

    def test_samples_that_failed_before_are_not_new(self, runs: Runs) -> None:
        current = runs.make(wrong_below(2), epochs=3)
        assert verdict(self.RULE, current, runs.make(wrong_below(5), epochs=3)) == "pass"


class TestCorrection:
    """Twenty rules do not cry wolf twenty times as often."""

    def test_a_failure_that_may_be_luck_is_inconclusive(self, runs: Runs) -> None:
        rules = [f"{{id: r{n}, metric: exact_match, kind: floor, min: 0.9}}" for n in range(10)]
        current = runs.make(wrong_below(35))  # .854: p about .02
        alone = gate(f"gates: [{rules[0]}]", current)
        together = gate(f"gates: [{', '.join(rules)}]", current)
        assert alone.status == "fail"
        assert together.status == "inconclusive"
        assert "over 10 tests" in together.results[0].finding.reason

    def test_no_correction_where_the_file_says_so(self, runs: Runs) -> None:
        rules = [f"{{id: r{n}, metric: exact_match, kind: floor, min: 0.9}}" for n in range(10)]
        text = f"defaults: {{correction: none}}\ngates: [{', '.join(rules)}]"
        assert verdict(text, runs.make(wrong_below(35))) == "fail"


class TestPolicies:
    """Tiers and what is inconclusive."""

    @pytest.mark.parametrize(("policy", "code"), [("stop", 3), ("warn", 0), ("fail", 1)])
    def test_on_inconclusive(self, policy: str, code: int, runs: Runs) -> None:
        text = f"defaults: {{on_inconclusive: {policy}}}\n{FLOOR % 0.9}"
        report = gate(text, runs.make(wrong_below(20)))
        assert report.exit_code == code
        assert report.status == ("fail" if policy == "fail" else "inconclusive")

    @pytest.mark.parametrize("tier", ["warn", "info"])
    def test_only_blocking_rules_decide(self, tier: str, runs: Runs) -> None:
        text = f"defaults: {{tier: {tier}}}\n{FLOOR % 0.9}"
        report = gate(text, runs.make(wrong_below(100)))
        assert (report.status, report.exit_code) == ("pass", 0)
        assert report.results[0].status == "fail"

    def test_a_failure_is_worse_than_what_is_incomplete(self, runs: Runs) -> None:
        text = """
exact_match: ">= 0.9"
gates: [{id: x, metric: nothing, kind: floor, min: 1, on_missing: incomplete}]
"""
        assert gate(text, runs.make()).exit_code == 4
        assert gate(text, runs.make(wrong_below(100))).exit_code == 1

    def test_the_nearest_metric_is_named(self, runs: Runs) -> None:
        (result,) = gate('exact_mach: ">= 0.9"', runs.make()).results
        assert result.status == "fail"
        assert "did you mean 'exact_match'?" in result.finding.reason

    def test_the_nearest_slice_is_named(self, runs: Runs) -> None:
        text = "gates: [{id: s, metric: exact_match, kind: floor, min: 0.1, slice: hrd}]"
        (result,) = gate(text, runs.make()).results
        assert result.status == "fail"
        assert "did you mean 'hard'?" in result.finding.reason


class TestTasks:
    """A file may have rules for several tasks; a misspelt one is no other task."""

    def test_rules_of_another_task_are_skipped(self, runs: Runs) -> None:
        text = 'questions.exact_match: ">= 0.9"\nqa.exact_match: ">= 0.9"'
        report = gate(text, runs.make(), known_tasks=["qa"])
        assert [result.id for result in report.results] == ["questions.exact_match"]
        assert [rule.id for rule in report.skipped] == ["qa.exact_match"]

    def test_a_misspelt_task_is_a_mistake(self, runs: Runs) -> None:
        text = 'exact_match: ">= 0.9"\nquestion.exact_match: ">= 0.9"'
        with pytest.raises(ConfigError, match=r"yaml:2: .*did you mean 'questions'"):
            gate(text, runs.make(), known_tasks=["qa"])

    def test_no_rule_at_all_is_a_mistake(self, runs: Runs) -> None:
        with pytest.raises(ConfigError, match="the task 'questions', only about: qa"):
            gate('qa.exact_match: ">= 0.9"', runs.make(), known_tasks=["qa"])


class TestComparability:
    """Another dataset, prompt, scorer or judge makes another measurement."""

    def test_a_changed_prompt_is_refused_until_it_is_allowed(self, runs: Runs) -> None:
        baseline, current = runs.make(), runs.make(task=Questions(instruction="Guess."))
        with pytest.raises(IncomparableError, match="prompt"):
            gate(NO_DROP % 0.05, current, baseline)
        assert gate(NO_DROP % 0.05, current, baseline, allow=["prompt"]).status == "pass"
        assert verdict(f"allow: [prompt]\n{NO_DROP % 0.05}", current, baseline) == "pass"

    def test_another_dataset_cannot_be_allowed(self, runs: Runs) -> None:
        with pytest.raises(ConfigError, match="cannot allow 'dataset'"):
            gate(NO_DROP % 0.05, runs.make(), runs.make(), allow=["dataset"])

    def test_a_floor_is_refused_too_where_the_baseline_differs(self, runs: Runs) -> None:
        baseline, current = runs.make(), runs.make(task=Questions(target_of_first="zero"))
        with pytest.raises(IncomparableError, match="dataset differs"):
            gate(FLOOR % 0.5, current, baseline)

    def test_what_the_file_requires_must_be_so(self, runs: Runs) -> None:
        run = runs.make()
        for text, fits in ((run.info.recipe["dataset_hash"], True), ("abc", False)):
            file = f"require: {{dataset_hash: '{text}'}}\n{FLOOR % 0.5}"
            if fits:
                assert verdict(file, run) == "pass"
            else:
                with pytest.raises(IncomparableError, match="dataset_hash"):
                    gate(file, run)

    def test_a_field_that_no_recipe_has_is_a_mistake(self, runs: Runs) -> None:
        with pytest.raises(IncomparableError, match="did you mean 'dataset_hash'"):
            gate(f"require: {{dataset_hsh: abc}}\n{FLOOR % 0.5}", runs.make())

    def test_a_run_is_no_baseline_of_its_own(self, runs: Runs) -> None:
        run = runs.make()
        with pytest.raises(ConfigError, match="its own baseline"):
            gate(NO_DROP % 0.05, run, run)

    def test_what_compares_needs_a_baseline(self, runs: Runs) -> None:
        with pytest.raises(ConfigError, match=r"yaml:1: rule 'drop' compares with a baseline"):
            gate(NO_DROP % 0.05, runs.make())


class TestAgreement:
    """A judge that nobody checked, or another than was checked, vouches for nothing."""

    TEXT = """
gates:
  - {id: judge, kind: agreement, metric: correct, min: 0.6, calibration: labels.json}
  - {id: floor, kind: floor, metric: correct, min: 0.5}
"""

    def hold(
        self, tmp_path: Path, run: Evidence, judge: Judge, agree: int, age_days: float = 0
    ) -> dict[str, str]:
        labels = [Label(n % 2, n % 2 if n < agree else 1 - n % 2) for n in range(200)]
        when = datetime.now(UTC) - timedelta(days=age_days)
        file = tmp_path / "labels.json"
        write_calibration(file, Calibration("correct", judge.recipe, when, labels))
        found = parse_thresholds(self.TEXT, str(tmp_path / "t.yaml"))
        return {result.id: result.status for result in check(found, run).results}

    def test_a_judge_that_agrees_passes(self, runs: Runs, tmp_path: Path) -> None:
        found = self.hold(tmp_path, runs.make(), Judge(), agree=195)
        assert found == {"judge": "pass", "floor": "pass"}

    def test_one_that_does_not_fails_all_that_it_graded(self, runs: Runs, tmp_path: Path) -> None:
        found = self.hold(tmp_path, runs.make(), Judge(), agree=120)
        assert found == {"judge": "fail", "floor": "fail"}

    def test_another_judge_is_stale(self, runs: Runs, tmp_path: Path) -> None:
        found = self.hold(tmp_path, runs.make(), Judge(model="judge-0"), agree=200)
        assert found == {"judge": "fail", "floor": "fail"}

    def test_old_labels_are_none(self, runs: Runs, tmp_path: Path) -> None:
        text, run = self.TEXT, runs.make()
        self.TEXT = text.replace("min: 0.6", "min: 0.6, max_age_days: 90")
        assert self.hold(tmp_path, run, Judge(), agree=200, age_days=10)["judge"] == "pass"
        assert self.hold(tmp_path, run, Judge(), agree=200, age_days=100)["judge"] == "fail"


class TestRaters:
    """Whose word a gate takes where several people checked the judge: nobody picks the best."""

    def by(self, raters: str, agree: int, n: int = 100, age_days: float = 0) -> Calibration:
        counts = {"both": agree // 2, "only_people": n - agree, "only_judge": 0}
        counts["neither"] = agree - agree // 2
        report = {"pass": {"confusion": counts}, "raters": raters.split()}
        when = (datetime.now(UTC) - timedelta(days=age_days)).isoformat()
        return from_confusion(report, "correct", {}, when)

    def held(self, runs: Runs, *stored: Calibration, more: str = "") -> Finding:
        rule = f"{{id: j, kind: agreement, metric: correct, min: 0.6{more}}}"
        report = gate(f"gates: [{rule}]", runs.make(), calibrations={"correct": stored})
        return report.results[0].finding

    def test_a_finding_names_who_labelled(self, runs: Runs) -> None:
        found = self.held(runs, self.by("ann bob", 95))
        assert (found.status, "with people (ann, bob) is" in found.reason) == ("pass", True)
        many = self.held(runs, self.by("a b c d e f g", 95))
        assert "(a, b, c, d, e and 2 more)" in many.reason

    @pytest.mark.parametrize(("worse", "status"), [(50, "fail"), (82, "inconclusive")])
    def test_of_several_who_checked_apart_the_weakest_decides(
        self, worse: int, status: str, runs: Runs
    ) -> None:
        ann, bob = self.by("ann", 99), self.by("bob", worse)
        for stored in ((ann, bob), (bob, ann)):
            found = self.held(runs, *stored)
            assert found.status == status
            assert found.reason.index("(bob)") < found.reason.index("the weakest of 2")
            assert found.reason.index("the weakest of 2") < found.reason.index("(ann)")

    def test_one_by_all_of_them_decides_alone(self, runs: Runs) -> None:
        """So that a look at one rater (`--rater`) changes no verdict, whichever way it points."""
        parts = (self.by("ann", 100), self.by("bob", 20, n=30))
        assert self.held(runs, *parts).status != "pass"
        found = self.held(runs, *parts, self.by("ann bob", 95))
        assert (found.status, "weakest" in found.reason) == ("pass", False)
        assert self.held(runs, *parts, self.by("ann bob", 50)).status == "fail"

    def test_one_by_others_leaves_it_standing(self, runs: Runs) -> None:
        found = self.held(runs, self.by("ann", 50), self.by("bob cleo", 99))
        assert (found.status, "(ann)" in found.reason) == ("fail", True)

    def test_a_rule_can_name_whom_it_trusts(self, runs: Runs) -> None:
        stored = self.by("ann", 99), self.by("bob", 50), self.by("ann bob", 70)
        assert self.held(runs, *stored, more=", rater: ann").status == "pass"
        assert self.held(runs, *stored, more=", rater: bob").status == "fail"
        found = self.held(runs, self.by("bob cleo", 99), more=", rater: bob")
        assert found.status == "fail"
        assert "its labels are by bob, cleo, and the rule asks for those of 'bob'" in found.reason
        assert re.search(r"llm-eval judge calibrate run_\w+ --rater bob$", found.reason)

    def test_labels_that_are_too_old_neither_vouch_nor_stand_in_the_way(self, runs: Runs) -> None:
        old, new = self.by("ann bob", 50, age_days=100), self.by("ann", 99, age_days=1)
        assert self.held(runs, old, new).status == "fail"
        assert self.held(runs, old, new, more=", max_age_days: 90").status == "pass"
        found = self.held(runs, old, more=", max_age_days: 90")
        assert (found.status, "(ann, bob) are 100 days old" in found.reason) == ("fail", True)


class TestLabels:
    """What the labels of a judge show, and how many it takes."""

    def held(self, agree: int, n: int, limit: float, coefficient: str, runs: Runs) -> Finding:
        counts = {"both": agree // 2, "only_people": n - agree, "only_judge": 0}
        counts["neither"] = agree - agree // 2
        now = datetime.now(UTC).isoformat()
        stored = from_confusion({"pass": {"confusion": counts}}, "correct", {}, now)
        rule = f"kind: agreement, metric: correct, min: {limit}, coefficient: {coefficient}"
        report = gate(
            f"gates: [{{id: j, {rule}}}]", runs.make(), calibrations={"correct": [stored]}
        )
        return report.results[0].finding

    @pytest.mark.parametrize(
        ("coefficient", "limit"), [("kappa", 0.86), ("ac1", 0.86), ("accuracy", 0.92)]
    )
    def test_the_bound_must_reach_the_limit_not_the_point(
        self, coefficient: str, limit: float, runs: Runs
    ) -> None:
        found = self.held(95, 100, limit, coefficient, runs)
        assert found.observed is not None
        assert found.observed > limit
        assert found.status == "inconclusive"
        assert found.required_n is not None
        assert found.required_n > 100

    @pytest.mark.parametrize(("n", "status"), [(50, "pass"), (49, "inconclusive")])
    def test_fifty_labels_say_something(self, n: int, status: str, runs: Runs) -> None:
        assert self.held(n, n, 0.5, "kappa", runs).status == status

    @pytest.mark.parametrize("coefficient", ["kappa", "ac1", "accuracy"])
    def test_that_all_agree_is_no_certainty(self, coefficient: str, runs: Runs) -> None:
        assert self.held(60, 60, 0.97, coefficient, runs).status == "inconclusive"
        assert self.held(60, 60, 0.8, coefficient, runs).status == "pass"


def test_the_json_is_as_promised(runs: Runs) -> None:
    report = gate(FLOOR % 0.9, runs.make())
    found = report.to_dict()
    assert set(found) == {"status", "rules"}
    assert set(found["rules"][0]) == {"id", "status", "observed", "limit", "reason"}
    assert (found["status"], found["rules"][0]["limit"]) == ("pass", 0.9)


def test_unchanged_reruns_are_seldom_blocked(runs: Runs) -> None:
    """A model that is right in 80 % of tries, against itself."""
    rng = np.random.default_rng(3)
    template = runs.make(task=Questions(n=100, scorers=(ExactMatch(),)))
    found = parse_thresholds(NO_DROP % 0.02)
    blocked = 0
    for n in range(400):
        before, after = (
            replace(
                template,
                info=replace(template.info, run_id=f"{n}-{side}"),
                table=replace(template.table, columns=((rng.random(100) < 0.8).astype(float),)),
            )
            for side in "ab"
        )
        blocked += check(found, after, before).status == "fail"
    assert blocked / 400 <= 0.05


def test_what_the_database_counted_about_the_judge_is_enough(runs: Runs) -> None:
    counts = {"both": 95, "only_people": 2, "only_judge": 3, "neither": 100}
    now = datetime.now(UTC).isoformat()
    stored = from_confusion({"pass": {"confusion": counts}}, "correct", {}, now)
    rule = "gates: [{id: judge, kind: agreement, metric: correct, min: 0.8}]"
    run = runs.make()
    (result,) = gate(rule, run, calibrations={"correct": [stored]}).results
    assert result.status == "pass"
    assert result.finding.observed == pytest.approx(0.95, abs=1e-4)
    assert gate(rule, run).status == "fail"
