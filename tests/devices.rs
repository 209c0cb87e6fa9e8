//! A graphics processor: that training keeps it busy, what moves between devices, and what is said when it fails.
//!
//! They need an adapter, Mesa's lavapipe at least, so that they are run by name alone: `tests/run devices` installs one where it
//! can.

#![allow(unsafe_code, reason = "limits and signals of real processes")]

use saddle_cell::RhaiSession;
use saddle_session::output::{Output, Stream};
use saddle_session::{Cell, Failure, Frontend, Reply, Session};
use saddle_tensor::{Device, reads};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a cell shows as text.
#[derive(Default)]
struct Screen(Mutex<String>);

impl Frontend for Screen {
    fn show(&self, output: Output) {
        let mut text = self.0.lock().unwrap();
        match output {
            Output::Text { stream: Stream::Stdout, text: more } => text.push_str(&more),
            Output::Result { bundle } => text.push_str(bundle.plain()),
            _ => {}
        }
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

/// A notebook on the device, while no other test has one: what is counted is counted for the process.
struct Lab {
    session: RhaiSession,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    fn open() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let session = RhaiSession::start().unwrap();
        let lab = Self { session, _turn: turn };
        lab.run("device(\"wgpu\"); seed(0);");
        lab
    }

    fn try_run(&self, code: &str) -> Result<String, Failure> {
        let screen = Arc::new(Screen::default());
        let cell = Cell { number: 1, code: code.into(), silent: false };
        match self.session.execute(cell, screen.clone()) {
            Reply::Done => Ok(screen.0.lock().unwrap().clone()),
            Reply::Failed(failure) => Err(failure),
        }
    }

    #[track_caller]
    fn run(&self, code: &str) -> String {
        self.try_run(code).unwrap_or_else(|f| panic!("{f:?}"))
    }
}

/// The games of the benchmarks, small: what one step does, after what has to stand before it.
const GAMES: &[(&str, &str, &str)] = &[
    (
        "rectifiers and logits, Adam",
        "let D = sequential([linear(8, 16), leaky_relu(0.2), linear(16, 1)]);
         let G = sequential([linear(4, 16), relu(), linear(16, 8), sigmoid()]);
         let opt_D = adam(D); let opt_G = adam(G, #{ betas: [0.5, 0.999] });
         let data = rand([64, 8]);",
        "let x = data[randint(0, 64, [16])];
         let fake = detach(G(randn([16, 4])));
         opt_D.descend(bce_with_logits(D(x), 1) + bce_with_logits(D(fake), 0));
         opt_G.descend(bce_with_logits(D(G(randn([16, 4]))), 1));",
    ),
    (
        "the minimax value, momentum, a data set",
        "let D = sequential([dropout(0.2), maxout(64, 8, 2), linear(8, 1), sigmoid()]);
         let G = sequential([linear(4, 64), sigmoid()]);
         let opt_D = sgd(D, #{ lr: 0.05, momentum: 0.5 }); let opt_G = sgd(G, #{ lr: 0.05 });
         let data = digits();",
        "let x = data.sample(16);
         opt_D.ascend(mean(log(D(x)) + log(1 - D(G(randn([16, 4]))))));
         opt_G.descend(mean(log(1 - D(G(randn([16, 4]))))));",
    ),
    (
        "convolutions with batch norm, RMSProp",
        "let D = sequential([conv2d(1, 4, 4, #{ stride: 2, padding: 1 }), leaky_relu(0.2), flatten(), linear(64, 1)]);
         let G = sequential([linear(4, 64), reshape([4, 4, 4]), batch_norm(4), relu(),
             conv_transpose2d(4, 1, 4, #{ stride: 2, padding: 1 }), tanh()]);
         let opt_D = rmsprop(D); let opt_G = rmsprop(G);
         let data = rand([64, 1, 8, 8]);",
        "let x = data[randint(0, 64, [8])];
         opt_D.descend(hinge_loss(D(x), D(detach(G(randn([8, 4]))))));
         opt_G.descend(non_saturating_loss(sigmoid(D(G(randn([8, 4]))))));",
    ),
    (
        "a gradient penalty",
        "let D = sequential([linear(8, 16), tanh(), linear(16, 1)]);
         let G = linear(4, 8);
         let opt_D = adam(D); let opt_G = adam(G);
         let data = rand([64, 8]);",
        "let x = data[randint(0, 64, [16])];
         let fake = detach(G(randn([16, 4])));
         opt_D.descend(wasserstein_loss(D(x), D(fake)) + 10 * gradient_penalty(D, x, fake));
         opt_G.descend(wasserstein_loss(D(G(randn([16, 4])))));",
    ),
    (
        "labels",
        "let C = sequential([linear(8, 16), relu(), linear(16, 4)]);
         let opt_C = adam(C);
         let x = rand([16, 8]); let y = randint(0, 4, [16]);",
        "opt_C.descend(cross_entropy(C(x), y));",
    ),
];

#[test]
fn a_training_step_reads_nothing_back() {
    let lab = Lab::open();
    for (name, before, step) in GAMES {
        lab.run(before);
        lab.run(step);
        let start = reads();
        lab.run(&format!("for i in 0..5 {{ {step} }}"));
        assert_eq!(reads() - start, 0, "{name}");
        // That the counter counts.
        lab.run("randn([2]).to_array()");
        assert_eq!(reads() - start, 1, "{name}");
    }
}

#[test]
fn a_checkpoint_of_one_device_goes_on_on_another() {
    let lab = Lab::open();
    let folder = std::env::temp_dir().join(format!("saddle-devices-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let (near, far) = (path("near.ckpt"), path("far.ckpt"));
    let make = "let f = sequential([linear(3, 4), tanh(), linear(4, 1)]); let opt = adam(f);";
    let train = "for i in 0..3 { opt.descend(mean(f(randn([5, 3])) ** 2)); }";
    let values = "f.params().map(|p| p.to_array())";

    lab.run(make);
    lab.run(train);
    let trained = lab.run(values);
    lab.run(&format!("checkpoint(\"{far}\", #{{ f: f, opt: opt }});"));
    lab.run("device(\"cpu\");");
    lab.run(make);
    lab.run(&format!("resume(\"{far}\", #{{ f: f, opt: opt }});"));
    assert_eq!(lab.run("f.params()[0].device"), "\"cpu\"");
    assert_eq!(lab.run(values), trained);
    lab.run(train);
    let later = lab.run(values);
    assert_ne!(later, trained);
    lab.run(&format!("checkpoint(\"{near}\", #{{ f: f, opt: opt }});"));
    lab.run("device(\"wgpu\");");
    lab.run(make);
    lab.run(&format!("resume(\"{near}\", #{{ f: f, opt: opt }});"));
    assert_eq!(lab.run("f.params()[0].device"), "\"wgpu\"");
    assert_eq!(lab.run(values), later);
    // The optimizer's state has come along: a further step works on it.
    lab.run(train);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn tensors_of_two_devices_are_one_clear_error() {
    let lab = Lab::open();
    lab.run("let far = ones([2, 2]); device(\"cpu\"); let near = ones([2, 2]);");
    for code in [
        "far + near",
        "far @ near",
        "near < far",
        "where(far > 0, near, near)",
        "cat([far, near])",
        "far[int([0, 1])]",
        "near[int(far)[0]]",
        "linear(2, 2)(far)",
        "bce_with_logits(far, near)",
        "einsum(\"ij,jk->ik\", [far, near])",
    ] {
        let failure = lab.try_run(code).expect_err(code);
        assert_eq!(failure.name, "DeviceError", "{code}: {}", failure.value);
        assert!(failure.value.contains("wgpu") && failure.value.contains("cpu"), "{code}: {}", failure.value);
    }
    assert_eq!(lab.run("(far.to(\"cpu\") + near).sum().item()"), "8.0");
}

/// What a word makes itself, of numbers, of an array or at random, has no device that the user chose for it.
#[test]
fn what_has_no_device_of_its_own_goes_to_that_of_the_tensors() {
    let lab = Lab::open();
    lab.run(
        "device(\"cpu\"); let x = rand([4, 6]); let i = int([0, 1]); let p = full([3], 0.5); let net = linear(6, 2);
         let noisy = gaussian_noise(0.1); let W = randn([3, 6]); device(\"wgpu\");",
    );
    for code in [
        "x[(..).step(2)]",
        "x[(..).step(2), 1]",
        "{ let y = x; y[i] = 0; y }",
        "index_select(x, 0, [1, 0])",
        "gather(x, 1, [[0], [1], [2], [0]])",
        "scatter(x, 1, [[0], [1], [2], [0]], 1)",
        "bernoulli(p)",
        "normal_log_prob(x, 0, 1)",
        "noisy(x)",
        "gradient_penalty(|z| sum(z * z), x, x)",
        "spectral_norm(net)(x)",
    ] {
        assert_eq!(lab.run(&format!("({code}).device")), "\"cpu\"", "{code}");
    }
    lab.run("net.summary([4, 6]);");
    lab.run("ais(W, full([6], 0).to(\"cpu\"), full([3], 0).to(\"cpu\"), #{ steps: 2, chains: 2 });");
}

#[test]
fn a_draw_that_fails_leaves_the_sessions_stream_in_its_place() {
    let lab = Lab::open();
    lab.run("seed(0); let expected = rand([3]).to_array(); seed(0); let r = rng(3);");
    let failure = lab.try_run("r.randint(0, 5000000000, [20])").expect_err("32 bits");
    assert!(failure.value.contains("32 bits"), "{failure:?}");
    assert_eq!(lab.run("rand([3]).to_array() == expected"), "true");
}

#[test]
fn no_such_adapter_is_said_at_the_word() {
    let lab = Lab::open();
    for name in ["wgpu:99", "metal", "vulkan:99", "wgpu:x", "cuda", "abacus"] {
        let failure = lab.try_run(&format!("device(\"{name}\")")).expect_err(name);
        assert_eq!(failure.name, "DeviceError", "{name}: {}", failure.value);
        assert!(failure.value.starts_with("device: "), "{}", failure.value);
    }
    assert_eq!(lab.run("device()"), "\"wgpu\"");
}

#[test]
fn what_does_not_fit_is_an_error_and_the_notebook_lives() {
    let lab = Lab::open();
    lab.run("let kept = arange(4); let whole = tensor([1, 2]);");
    // 4.3 GB: more than any adapter's limit of one buffer below 2³² bytes.
    let failure = lab.try_run("zeros([32768, 32769]).sum().item()").expect_err("too large");
    assert_eq!(failure.name, "DeviceError", "{failure:?}");
    assert!(failure.value.contains("one tensor on wgpu"), "{failure:?}");
    assert_eq!(lab.run("kept.sum().item()"), "6");
    assert_eq!(lab.run("(whole @ whole).item()"), "5.0");
}

/// A device has 32 bits and wraps without a word: what does not fit is an error, what fits is exact.
#[test]
fn whole_numbers_beyond_32_bits_are_an_error() {
    let lab = Lab::open();
    lab.run("device(\"wgpu\"); let big = cat([int([2000000000]), int([147483647])]);");
    for code in [
        "int(tensor([3e9]))",
        "int(tensor([1.0]) / 0)",
        "int([2147483647]) + 1",
        "int([-2147483648]) - 1",
        "int([65536]) * int([65536])",
        "big + big",
        "big * 2",
        "big.sum() + 1",
        "-int([-2147483648])",
        "cumsum(cat([big, big]))",
    ] {
        let failure = lab.try_run(&format!("({code}).to_array()")).expect_err(code);
        assert!(failure.value.contains("32 bits"), "{code}: {failure:?}");
    }
    for (code, exact) in [
        ("int(tensor([-2.7e9 / 2, 16777216.0])).to_array()", "[-1350000000, 16777216]"),
        ("(int([2147483646]) + 1).to_array()", "[2147483647]"),
        ("(int([46341]) * int([46340])).to_array()", "[2147441940]"),
        ("(big - big + 7).to_array()", "[7, 7]"),
        ("((tensor([1.0, 3.0]) > 2) * 3).to_array()", "[0, 3]"),
        ("(tensor([1.0, 3.0]) > 2).sum().item()", "1"),
    ] {
        assert_eq!(lab.run(code), exact, "{code}");
    }
}

#[test]
fn reset_gives_the_memory_of_a_device_back() {
    use saddle_tensor::device;
    let lab = Lab::open();
    let held = || device::memory()[0].1.reserved;
    lab.run("%reset");
    let before = held();
    // Far more than the pools may have kept of what other tests had.
    lab.run("let big = randn([16000, 1000]); let more = big * 2; more[0][0].item();");
    assert!(held() >= before + 64_000_000, "{} then {}", before, held());
    lab.run("%reset");
    assert!(held() < before + 8_000_000, "{} then {}", before, held());
}

/// The address space that this process may have, less than before, until the value is dropped.
#[cfg(target_os = "linux")]
struct Cramped(libc::rlimit);

#[cfg(target_os = "linux")]
impl Cramped {
    /// `more` bytes above what the process has now.
    fn to(more: u64) -> Self {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: both calls only read and write the structures given.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as u64;
            assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut before), 0);
            let now = libc::rlimit { rlim_cur: pages * page + more, ..before };
            assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &now), 0);
        }
        Self(before)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Cramped {
    fn drop(&mut self) {
        // SAFETY: the structure is only read.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &self.0) };
    }
}

/// Software that plays a graphics processor has this process's memory, which can be made scarce.
#[cfg(target_os = "linux")]
#[test]
fn out_of_memory_is_said_and_reset_makes_room() {
    let lab = Lab::open();
    if !lab.run("devices()").contains("software") {
        return;
    }
    lab.run("%reset");
    lab.run("let kept = arange(4); let all = [];");
    let fill = |n: usize| {
        lab.try_run(&format!("for i in 0..{n} {{ all.push(zeros([30000, 1000]) + i); all[i][0][0].item(); }}"))
    };
    let cramped = Cramped::to(2 << 30);
    let failure = fill(60).expect_err("7.2 GB in 2 GiB");
    assert_eq!(failure.name, "DeviceError", "{failure:?}");
    assert!(failure.value.contains("wgpu is out of memory"), "{failure:?}");
    assert_eq!(lab.run("kept.sum().item()"), "6");
    lab.run("%reset");
    lab.run("let all = [];");
    fill(8).unwrap();
    drop(cramped);
}

#[test]
fn a_lost_device_is_said_and_can_be_opened_again() {
    let lab = Lab::open();
    lab.run("let far = arange(4); device(\"cpu\"); let near = arange(4); device(\"wgpu\");");
    Device::parse("wgpu").unwrap().destroy();
    let lost = |code: &str| {
        let failure = lab.try_run(code).expect_err(code);
        assert_eq!(failure.name, "DeviceError", "{code}: {failure:?}");
        assert!(failure.value.contains("the device wgpu was lost"), "{code}: {failure:?}");
    };
    lost("(far + 1).sum().item()");
    lost("far * 2");
    assert_eq!(lab.run("near.sum().item()"), "6");
    lab.run("device(\"wgpu\");");
    assert_eq!(lab.run("(ones([3]) + 1).sum().item()"), "6.0");
    lost("(far + ones([4])).sum().item()");
    assert_eq!(lab.run("(ones([3]) + 2).sum().item()"), "9.0");
}

#[test]
fn a_device_that_was_lost_unseen_is_opened_anew() {
    let lab = Lab::open();
    for _ in 0..3 {
        Device::parse("wgpu").unwrap().destroy();
        lab.run("device(\"wgpu\");");
        assert_eq!(lab.run("(ones([3]) + 1).sum().item()"), "6.0");
    }
}

/// What Burn 0.22.1 fuses wrongly: axes of one element that have been moved.
#[test]
fn moved_axes_of_one_element_change_no_result() {
    let lab = Lab::open();
    lab.run(
        "let on = |name, f| { device(name); seed(1); f.call() };
         let differ = |f| max(abs(on.call(\"cpu\", f) - on.call(\"wgpu\", f).to(\"cpu\"))).item();",
    );
    for (what, code) in [
        ("a row", "randn([2, 4, 1]).permute([0, 2, 1]) + x.reshape([2, 1, 4])"),
        ("a channel", "randn([2, 2, 2, 1]).permute([0, 3, 1, 2]) + x.reshape([2, 1, 2, 2])"),
        ("two", "randn([2, 4, 1, 1]).permute([0, 3, 2, 1]) * x.reshape([2, 1, 1, 4])"),
        ("with another order", "randn([4, 1, 2]).permute([1, 2, 0]) + x.reshape([1, 2, 4])"),
        ("a column", "randn([1, 8]).t() + x.reshape([8, 1])"),
        ("a convolution", "conv2d(randn([2, 3, 4, 4]), randn([1, 3, 3, 3])) + x.reshape([2, 1, 2, 2])"),
        (
            "a transposed convolution",
            "conv_transpose2d(randn([2, 3, 1, 1]), randn([3, 1, 2, 2])) + x.reshape([2, 1, 2, 2])",
        ),
    ] {
        // Two results of one kernel.
        for other in ["", "let twice = x * 2; let y = [y, twice][1];"] {
            let code = format!("differ.call(|| {{ let x = randn([2, 4]); let y = {code}; {other} y.reshape([8]) }})");
            let off: f64 = lab.run(&code).parse().unwrap();
            assert!(off < 1e-5, "{what}, {code}: {off}");
        }
    }
}

/// Mesa's software breaks the loops of a kernel off after 65,535 turns.
#[test]
fn many_elements_are_all_counted() {
    let lab = Lab::open();
    let near = |code: &str, truth: f64| {
        let value: f64 = lab.run(code).parse().unwrap();
        assert!((value - truth).abs() < 1e-4 * truth, "{code}: {value}");
    };
    lab.run("let fours = full([200000, 1], 4);");
    near("mean(fours).item()", 4.0);
    near("sum(fours, #{ dim: 0 }).item()", 800_000.0);
    near("(fours.t() @ fours).item()", 3_200_000.0);
    near("sum(cumsum(fours / 4, #{ dim: 0 }) > 199999.5).item()", 1.0);
    near("sum(fours > 3).item()", 200_000.0);
    near("argmax(float(arange(200000)) * 2).item()", 199_999.0);
    lab.run(
        "let x = ones([256, 1, 28, 28]); let w = ones([1, 1, 3, 3]);
         let y = conv2d(x, w, #{ padding: 1 });",
    );
    near("grad(sum(y), w)[0][0][1][1].item()", 200_704.0);
}

#[test]
fn what_stands_beside_an_operation_on_no_elements_is_computed() {
    let lab = Lab::open();
    lab.run("let one = ones([1]); let none = zeros([0]);");
    let code = "let a = one * 3; let b = one * none; let c = exp(b) + one; let d = a + 1; [d.item(), sum(c).item()]";
    assert_eq!(lab.run(code), "[4.0, 0.0]");
}

/// The same few steps in both precisions: half precision has 11 bits, so that losses stay within a few thousandths.
#[test]
fn half_precision_learns_as_single_does() {
    let lab = Lab::open();
    let train = |precision: &str| -> Vec<f64> {
        lab.run(&format!("precision(\"{precision}\"); seed(0);"));
        let losses = lab.run(
            "let f = sequential([linear(8, 16), tanh(), linear(16, 1)]);
             let opt = adam(f, #{ lr: 0.01 });
             let x = randn([64, 8]); let y = sum(x, #{ dim: 1, keepdim: true });
             let losses = [];
             for i in 0..60 { let L = mean((f(x) - y) ** 2); opt.descend(L); losses.push(L); }
             stack(losses).to_array()",
        );
        let numbers = losses.split(|c: char| !"0123456789.e-".contains(c));
        numbers.filter_map(|n| n.parse().ok()).collect()
    };
    let (single, half) = (train("f32"), train("f16"));
    lab.run("precision(\"f32\");");
    assert_eq!(single.len(), 60);
    assert!(single[59] < 0.2 * single[0], "{single:?}");
    assert_ne!(single, half);
    for (a, b) in single.iter().zip(&half) {
        assert!((a - b).abs() < 0.02 * a, "{a} and {b}: {half:?}");
    }
}

/// Processor time of a thread, in ticks of a hundredth of a second, from the system's own account.
#[cfg(target_os = "linux")]
fn ticks_of_device_threads() -> Vec<(String, u64)> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let mut ticks: Vec<_> = stats
        .filter_map(|stat| {
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
            let fields: Vec<_> = rest.split(' ').collect();
            let spent = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
            name.starts_with("DS").then(|| (format!("{name} of {}", stat.split(' ').next().unwrap()), spent))
        })
        .collect();
    ticks.sort();
    ticks
}

/// What Burn's threads do while nothing is to be done: less than a hundredth of a core (without timer slack 3 to 12).
#[cfg(target_os = "linux")]
#[test]
fn an_open_device_is_quiet_while_the_notebook_is_idle() {
    let lab = Lab::open();
    lab.run("let x = randn([8, 8]); (x @ x).sum().item()");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let before = ticks_of_device_threads();
    assert!(!before.is_empty(), "cubecl's threads have other names now: src/burn/idle.rs looks for these");
    std::thread::sleep(std::time::Duration::from_secs(4));
    let after = ticks_of_device_threads();
    let spent: u64 = after.iter().zip(&before).map(|(a, b)| a.1 - b.1).sum();
    assert!(spent <= 4, "{spent} hundredths of a second in 4 s: {after:?}");
}
