//! Kernels on integers: the equations and laws of neurons, the bounds of sums, and what is refused.

use proptest::prelude::*;
use spikeport::{
    Attributes, Code, Error, IfParameters, OperationKind, StBifParameters, View, if_constant, if_multistep,
    operation_currents, st_bif_multistep, weighted_sum,
};

/// The largest number of 32 bits.
const LARGEST: i64 = i32::MAX as i64;

fn code<T>(result: Result<T, Error>) -> Code {
    result.map(|_| ()).expect_err("the call is faulty").code()
}

/// Thresholds, and starts in units of them that are whole numbers of the currents.
fn threshold() -> impl Strategy<Value = (i64, f64)> {
    (prop_oneof![1i64..=64, Just(1 << 20)], -8i64..=8)
        .prop_map(|(quarter, start)| (4 * quarter, start as f64 / 4.0))
}

fn max_spikes() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1i64), Just(2), Just(127), 1i64..=127]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn integrate_and_fire_is_its_equation_and_loses_nothing(
        currents in prop::collection::vec(prop_oneof![-300i32..300, -100_000i32..100_000], 0..30),
        (threshold, v_init) in threshold(),
        most in max_spikes(),
    ) {
        let parameters = IfParameters {
            threshold: (threshold as f64).into(), v_init: v_init.into(), max_spikes: most, ..IfParameters::default()
        };
        let shape = [currents.len(), 1];
        let trace = if_multistep(View::new(&currents, &shape).unwrap(), &parameters).unwrap();
        let start = (v_init * threshold as f64) as i64;
        let mut v = start;
        for (t, &current) in currents.iter().enumerate() {
            v += i64::from(current);
            let spikes = (1..=most).filter(|m| v >= m * threshold).count() as i64;
            v -= spikes * threshold;
            prop_assert_eq!(i64::from(trace.spikes[t]), spikes);
        }
        prop_assert_eq!(i64::from(trace.membrane[0]), v);
        let received: i64 = currents.iter().copied().map(i64::from).sum();
        prop_assert_eq!(received, threshold * trace.counts[0] + v - start);
    }

    #[test]
    fn a_hard_reset_is_its_equation(
        currents in prop::collection::vec(-300i32..300, 0..30),
        (threshold, v_init) in threshold(),
        below in 1i64..500,
    ) {
        let parameters = IfParameters {
            threshold: (threshold as f64).into(),
            v_init: v_init.into(),
            v_reset: Some(((threshold - below) as f64).into()),
            ..IfParameters::default()
        };
        let shape = [currents.len(), 1];
        let trace = if_multistep(View::new(&currents, &shape).unwrap(), &parameters).unwrap();
        let mut v = (v_init * threshold as f64) as i64;
        for (t, &current) in currents.iter().enumerate() {
            v += i64::from(current);
            prop_assert_eq!(trace.spikes[t] == 1, v >= threshold);
            v = if v >= threshold { threshold - below } else { v };
        }
        prop_assert_eq!(i64::from(trace.membrane[0]), v);
    }

    #[test]
    fn st_bif_is_its_equation_and_settles_on_its_quantised_sum(
        currents in prop::collection::vec(-700i32..700, 0..20),
        (threshold, v_init) in (1i64..=40, -3i64..=3).prop_map(|(t, v)| (4 * t, v as f64 / 4.0)),
        tracer_min in -6i64..=0,
        tracer_max in 0i64..=6,
    ) {
        // Until the currents end a tracer moves at most once a step; then it settles within as many steps as it has levels.
        let quiet = currents.len() + 13;
        let steps: Vec<i32> = currents.iter().copied().chain(std::iter::repeat(0)).take(quiet).collect();
        let parameters = StBifParameters {
            threshold: (threshold as f64).into(), tracer_min, tracer_max, v_init: v_init.into(),
        };
        let trace = st_bif_multistep(View::new(&steps, &[quiet, 1]).unwrap(), &parameters).unwrap();
        let start = (v_init * threshold as f64) as i64;
        let (mut v, mut tracer) = (start, 0);
        for (t, &current) in steps.iter().enumerate() {
            v += i64::from(current);
            let spike = match v {
                _ if v >= threshold && tracer < tracer_max => 1,
                _ if v < 0 && tracer > tracer_min => -1,
                _ => 0,
            };
            (tracer, v) = (tracer + spike, v - spike * threshold);
            prop_assert_eq!(i64::from(trace.spikes[t]), spike);
        }
        prop_assert_eq!((trace.counts[0], i64::from(trace.membrane[0])), (tracer, v));
        let sum: i64 = currents.iter().copied().map(i64::from).sum();
        prop_assert_eq!(tracer, (sum + start).div_euclid(threshold).clamp(tracer_min, tracer_max));
    }

    #[test]
    fn neurons_run_at_their_bound_and_not_above_it(
        (threshold, v_init) in threshold(),
        reset in prop::option::of(1i64..1_000_000),
        several in max_spikes(),
        steps in 1i64..200,
        is_negative in any::<bool>(),
    ) {
        let most = if reset.is_some() { 1 } else { several };
        let v_reset = reset.map(|reset| -reset);
        let start = (v_init * threshold as f64) as i64;
        let reach = start.abs().max(reset.unwrap_or(0)).max(most * threshold);
        let limit = (LARGEST - reach) / steps;
        let if_parameters = IfParameters {
            threshold: (threshold as f64).into(),
            v_init: v_init.into(),
            v_reset: v_reset.map(|v_reset| (v_reset as f64).into()),
            max_spikes: most,
            ..IfParameters::default()
        };
        let run = |limit: i64| {
            let current = [if is_negative { -limit } else { limit } as i32];
            if_constant(View::new(&current, &[1]).unwrap(), steps as usize, &if_parameters)
        };
        let trace = run(limit).unwrap();
        if reset.is_none() {
            let received = if is_negative { -limit } else { limit } * steps;
            prop_assert_eq!(i64::from(trace.membrane[0]), start + received - threshold * trace.counts[0]);
        }
        prop_assert_eq!(code(run(limit + 1)), Code::Overflow);

        let limit = (LARGEST - start.abs().max(threshold)) / steps;
        let run = |limit: i64| {
            let currents = vec![if is_negative { -limit } else { limit } as i32; steps as usize];
            let parameters = StBifParameters {
                threshold: (threshold as f64).into(), v_init: v_init.into(), ..StBifParameters::default()
            };
            st_bif_multistep(View::new(&currents, &[steps as usize, 1]).unwrap(), &parameters)
        };
        prop_assert!(run(limit).is_ok());
        prop_assert_eq!(code(run(limit + 1)), Code::Overflow);
    }

    #[test]
    fn sums_reach_their_bound_and_never_pass_it(
        weights in prop::collection::vec(prop_oneof![-8i32..=8, Just(-32768), Just(32767)], 1..40),
        bias in prop_oneof![-100i32..100, Just(i32::MAX - 7)],
    ) {
        let (n, mass) = (weights.len(), weights.iter().map(|weight| i64::from(weight.abs())).sum::<i64>());
        prop_assume!(mass > 0);
        let limit = ((LARGEST - i64::from(bias.abs())) / mass).min(LARGEST);
        let run = |limit: i64| {
            let signed = |&weight: &i32| if (weight < 0) == (bias < 0) { limit as i32 } else { -limit as i32 };
            let inputs: Vec<i32> = weights.iter().map(signed).collect();
            let (weight_shape, input_shape) = ([1, n], [1, 1, n]);
            let weights = View::new(&weights, &weight_shape).unwrap();
            let bias = [bias];
            let bias = Some(View::new(&bias, &[1]).unwrap());
            let inputs = View::new(&inputs, &input_shape).unwrap();
            let linear = OperationKind::Linear.build(Some(weights), bias).unwrap();
            (operation_currents(&*linear, &[inputs]).map(|(_, sums)| sums), weighted_sum(inputs, weights, bias))
        };
        let (at_it, alike) = run(limit);
        let reached = (mass * limit + i64::from(bias.abs())) * if bias < 0 { -1 } else { 1 };
        prop_assert_eq!(at_it.clone().map(|sums| i64::from(sums[0])), Ok(reached));
        prop_assert_eq!(at_it, alike);
        if limit < LARGEST {
            let (above, alike) = run(limit + 1);
            prop_assert_eq!((code(above), code(alike)), (Code::Overflow, Code::Overflow));
        }
    }
}

#[test]
fn joins_and_pools_reach_their_bounds() {
    let half = i32::MAX / 4;
    let at = |word: &str, values: &[i32], steps: usize, signals: usize| {
        let attributes = Attributes { kernel: Some(vec![2]), ..Attributes::default() };
        let operation = OperationKind::new(word, &attributes).unwrap().build::<i32>(None, None).unwrap();
        let values = values.repeat(steps);
        let shape = [steps, 1, 1, 2];
        let signal = View::new(&values, &shape).unwrap();
        operation_currents(&*operation, &vec![signal; signals]).map(|(_, currents)| currents)
    };
    assert_eq!(at("sum_pool", &[2 * half, 2 * half], 1, 1).unwrap(), [4 * half]);
    assert_eq!(code(at("sum_pool", &[2 * half + 2, 0], 1, 1)), Code::Overflow);
    assert_eq!(at("max_pool", &[-half, half], 4, 1).unwrap(), [half; 4]);
    assert_eq!(code(at("max_pool", &[0, -half], 5, 1)), Code::Overflow);
    assert_eq!(at("add", &[-half, half], 9, 4).unwrap(), [-4 * half, 4 * half].repeat(9));
    assert_eq!(code(at("add", &[-half, half], 1, 5)), Code::Overflow);
    assert_eq!(at("concat", &[i32::MAX, -i32::MAX], 9, 2).unwrap(), [i32::MAX, -i32::MAX].repeat(18));
    assert_eq!(code(at("avg_pool", &[1, 1], 1, 1)), Code::Operation);
}

#[test]
fn what_no_integer_neuron_can_be_is_refused() {
    let of = |change: fn(&mut IfParameters)| {
        let mut parameters = IfParameters { v_init: 0.0.into(), ..IfParameters::default() };
        change(&mut parameters);
        let none = if_multistep(View::<i32>::new(&[], &[0, 0]).unwrap(), &parameters);
        let one = if_multistep(View::<i32>::new(&[], &[0, 1]).unwrap(), &parameters);
        let [none, one] = [none, one].map(|trace| trace.map(|_| ()).map_err(|error| error.code()));
        assert_eq!(none, one, "parameters are checked where there are no neurons, too");
        one
    };
    assert_eq!(of(|_| ()), Ok(()));
    assert_eq!(of(|p| p.threshold = 1.5.into()), Err(Code::NotWhole));
    assert_eq!(of(|p| p.threshold = 2147483648.0.into()), Err(Code::Overflow));
    assert_eq!(of(|p| p.threshold = 2147483647.0.into()), Ok(()));
    assert_eq!(of(|p| p.threshold = f64::INFINITY.into()), Err(Code::NonFinite));
    assert_eq!(of(|p| p.threshold = 0.0.into()), Err(Code::Threshold));
    assert_eq!(of(|p| p.v_init = 0.5.into()), Err(Code::NotWhole));
    assert_eq!(of(|p| (p.v_init, p.threshold) = (0.5.into(), 2.0.into())), Ok(()));
    assert_eq!(of(|p| p.v_init = (-2147483648.0).into()), Err(Code::Overflow));
    assert_eq!(of(|p| (p.v_init, p.threshold) = (1e308.into(), 100.0.into())), Err(Code::Overflow));
    assert_eq!(of(|p| p.v_init = f64::NAN.into()), Err(Code::NonFinite));
    assert_eq!(of(|p| p.v_reset = Some((-0.5).into())), Err(Code::NotWhole));
    assert_eq!(of(|p| p.v_reset = Some(1.0.into())), Err(Code::VReset));
    assert_eq!(of(|p| p.beta = 0.5.into()), Err(Code::Beta));
    assert_eq!(of(|p| p.beta = f64::NAN.into()), Err(Code::NonFinite));
    assert_eq!(of(|p| (p.threshold, p.max_spikes) = (16909320.0.into(), 127)), Ok(()));
    assert_eq!(of(|p| (p.threshold, p.max_spikes) = (16909321.0.into(), 127)), Err(Code::Overflow));
}
