//! Files in cells: what is written is read back, training goes on to the bit, and a file that does not fit changes
//! nothing.

use super::Notes;
use std::path::PathBuf;

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("saddle-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// The names of the files in it.
    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).unwrap();
        files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const GAME: &str = "
    let G = sequential([linear(2, 8), batch_norm(8), relu(), linear(8, 1)]);
    let D = spectral_norm(sequential([linear(1, 8), dropout(0.3), leaky_relu(0.2), linear(8, 1)]));
    let avg = ema(G, 0.9);
    let opt_G = adam(G, #{ lr: 0.01, betas: [0.5, 0.999] });
    let opt_D = rmsprop(D, #{ lr: 0.01, momentum: 0.5 });
    let own = rng(5);
    fn train(from, to) {
        for step in from..to {
            opt_D.descend(mean(softplus(-D(randn([16, 1]))) + softplus(D(G(own.randn([16, 2]))))));
            opt_G.descend(mean(softplus(-D(G(randn([16, 2]))))));
            opt_G.set_lr(0.01 / (1 + step));
            avg.update();
        }
    }
    fn all() { [G, D, avg].map(|net| net.params().map(|p| p.to_array())) }";

/// 500 steps are 250 steps, a checkpoint, another session that resumes, and 250 steps.
#[test]
fn a_resumed_training_is_the_same_to_the_bit() {
    let folder = Folder::new();
    let kept = "#{ G: G, D: D, avg: avg, opt_G: opt_G, opt_D: opt_D, own: own";
    let mut straight = Notes::with(saddle_words::catalog());
    straight.ok(&format!("seed(1);{GAME}"));
    straight.ok("train(0, 250);");
    straight.ok(&format!("checkpoint({:?}, {kept}, step: 250, note: 0.1 }});", folder.at("a.ckpt")));
    straight.ok("train(250, 500);");
    let mut resumed = Notes::with(saddle_words::catalog());
    resumed.ok(&format!("seed(2);{GAME}"));
    let code = format!("let kept = resume({:?}, {kept} }}); [kept.step, kept.note]", folder.at("a.ckpt"));
    assert_eq!(resumed.ok(&code), "[250, 0.1]");
    resumed.ok("train(kept.step, 500);");
    let digest = "to_json(#{ all: all(), next: randn([3]).to_array(), lr: opt_G.lr })";
    let (a, b) = (straight.ok(digest), resumed.ok(digest));
    assert!(a.len() > 500, "{a}");
    assert_eq!(a, b);
    assert_eq!(folder.names(), ["a.ckpt"]);
}

/// A schedule goes on where it was: half way, a checkpoint, another session.
#[test]
fn a_resumed_schedule_goes_on() {
    let folder = Folder::new();
    let path = folder.at("a.ckpt");
    let make = "let f = linear(1, 1); let opt = adam(f, #{ lr: linear_schedule(0.5, 0, 8) });
        fn train(n) { for _ in 0..n { opt.descend(sum(f(ones([1, 1])))); } opt.lr }";
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok(make);
    assert_eq!(notes.ok("train(4)"), "0.25");
    notes.ok(&format!("checkpoint({path:?}, #{{ f: f, opt: opt }});"));
    let mut other = Notes::with(saddle_words::catalog());
    other.ok(make);
    other.ok(&format!("resume({path:?}, #{{ f: f, opt: opt }});"));
    assert_eq!(other.ok("[opt.lr, train(2)]"), "[0.25, 0.125]");
    assert_eq!(other.ok("opt.set_lr(0.1); train(1)"), "0.1");
}

#[test]
fn a_checkpoint_that_does_not_fit_changes_nothing() {
    let folder = Folder::new();
    let path = folder.at("a.ckpt");
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("let G = linear(2, 1); let D = linear(3, 1); let opt = adam(G); opt.descend(mean(G(ones([1, 2]))));");
    notes.ok(&format!("checkpoint({path:?}, #{{ G: G, D: D, opt: opt }});"));
    notes.ok("let state = || to_json(#{ G: G.params().map(|p| p.to_array()), D: D.params().map(|p| p.to_array()) });");
    notes.ok("opt.descend(mean(G(ones([1, 2])))); let other = linear(4, 1); seed(9); let before = state();");
    for (wrong, why) in [
        ("#{ G: G, D: other }", "the network's of shape [1, 4]"),
        ("#{ G: G, X: D }", "holds no `X`"),
        ("#{ G: G, opt: sgd(G) }", "was saved from adam, but this optimizer is sgd"),
        ("#{ G: G, opt: adam([G, D]) }", "was saved over 2 parameter tensors"),
        ("#{ G: G, D: opt }", "`D` is a network there, here an optimizer"),
    ] {
        let shown = notes.err(&format!("resume({path:?}, {wrong})"));
        assert!(shown.contains(why), "{shown}");
    }
    let whole = std::fs::read(&path).unwrap();
    for end in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..end]).unwrap();
        let shown = notes.err(&format!("resume({path:?}, #{{ G: G }})"));
        assert!(shown.contains("FileError"), "{shown}");
    }
    assert_eq!(notes.ok("state() == before"), "true");
    // The random stream is as it was, too.
    assert_eq!(notes.ok("let a = randn([2]); seed(9); sum(abs(a - randn([2]))).item()"), "0.0");
}

/// When the new file cannot be finished, the old one stays and nothing is left beside it.
#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let folder = Folder::new();
    let mut notes = Notes::with(saddle_words::catalog());
    std::fs::create_dir(folder.0.join("x.npy")).unwrap();
    let shown = notes.err(&format!("save({:?}, ones([3]))", folder.at("x.npy")));
    assert!(shown.contains("cannot be written"), "{shown}");
    assert_eq!(folder.names(), ["x.npy"]);
    let shown = notes.err(&format!("save({:?}, ones([3]))", folder.at("no/x.npy")));
    assert!(shown.contains("there is no folder"), "{shown}");
}

#[test]
fn networks_of_all_sorts_go_through_files() {
    let folder = Folder::new();
    let path = folder.at("f.safetensors");
    let mut notes = Notes::with(saddle_words::catalog());
    for net in [
        "linear(2, 2)",
        "sequential([conv2d(1, 2, 3), batch_norm(2), flatten(), linear(8, 2)])",
        "network(#{ a: linear(2, 2), s: ones([3]), list: [linear(1, 1), linear(1, 1)] }, |net, x| x)",
        "weight_norm(spectral_norm(linear(3, 2)))",
        "with_reference(virtual_batch_norm(2), randn([4, 2]))",
    ] {
        notes.ok(&format!("let a = {net}; let b = {net}; a.save({path:?}); b.load({path:?});"));
        let same = "let same = true; for i in 0..a.params().len() { same = same && all(a.params()[i] == b.params()[i]); } same";
        assert_eq!(notes.ok(same), "true", "{net}");
    }
    assert_eq!(notes.ok(&format!("load({path:?}).keys()")), "[\"bias\", \"reference\", \"weight\"]");
}

/// PyTorch's `parametrizations.spectral_norm`: u from the last v, then v from the new u. It shows only where the weight has
/// moved since the last pass.
#[test]
fn spectral_norm_iterates_in_the_order_of_pytorch() {
    let folder = Folder::new();
    let path = folder.at("f.pt");
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("seed(2); let f = spectral_norm(linear(6, 4)); let x = randn([8, 6]); sgd(f, #{ lr: 3 }).descend(mean(f(x) ** 2));");
    notes.ok(&format!("f.save({path:?}); let was = load({path:?}); f(x); f.save({path:?}); let now = load({path:?});"));
    notes.ok("let W = was[\"parametrizations.weight.original\"]; let own = \"parametrizations.weight.0._\";
              let u = W @ was[own + \"v\"]; u = u / norm(u); let v = W.t() @ u; v = v / norm(v);");
    assert_eq!(
        notes.ok("max(abs(now[own + \"u\"] - u)).item() < 1e-5 && max(abs(now[own + \"v\"] - v)).item() < 1e-5"),
        "true"
    );
}

/// `nn.LSTM` and `nn.GRU` name their layer; `nn.LSTMCell` and files of before have the names without it.
#[test]
fn recurrent_layers_have_the_names_of_pytorch() {
    let folder = Folder::new();
    let (path, cell) = (folder.at("f.pt"), folder.at("cell.pt"));
    let mut notes = Notes::with(saddle_words::catalog());
    for layer in ["lstm", "gru"] {
        notes.ok(&format!("let a = sequential([{layer}(2, 3)]); a.save({path:?}); let kept = load({path:?});"));
        let names = "[\"0.bias_hh_l0\", \"0.bias_ih_l0\", \"0.weight_hh_l0\", \"0.weight_ih_l0\"]";
        assert_eq!(notes.ok("kept.keys()"), names);
        notes.ok(&format!("let bare = #{{}}; for k in kept.keys() {{ bare[k.sub_string(0, k.len() - 3)] = kept[k]; }} save({cell:?}, bare);"));
        for file in [&path, &cell] {
            notes.ok(&format!("let b = sequential([{layer}(2, 3)]); b.load({file:?}); let x = randn([4, 5, 2]);"));
            assert_eq!(notes.ok("all(a(x) == b(x))"), "true", "{layer}");
        }
    }
    // A part with such a name of its own.
    let part = "network(#{ weight_ih_l0: ones([2]) }, |net, x| x)";
    notes.ok(&format!("{part}.save({path:?}); {part}.load({path:?});"));
}

/// What PyTorch wrote (`tests/torch/make.py`) gives PyTorch's outputs here.
#[test]
fn networks_of_pytorch_answer_as_there() {
    let at = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/torch");
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok(&format!("let a = load(\"{at}/answers.pt\"); let old = load(\"{at}/old_norm_answers.pt\");"));
    notes.ok("let net = || sequential([conv2d(1, 2, 3, #{ padding: 1 }), batch_norm(2), leaky_relu(0.2),
            conv_transpose2d(2, 3, 4, #{ stride: 2, padding: 1 }), flatten(), linear(192, 5), batch_norm(5)]);");
    for file in ["net.pt", "net.safetensors", "nested.pt", "prefix.pt"] {
        let code = format!("let G = net(); G.load(\"{at}/{file}\"); G.eval(); max(abs(G(a.x) - a.y)).item() < 1e-5");
        assert_eq!(notes.ok(&code), "true", "{file}");
    }
    let rows = format!("let E = embedding(4, 3); E.load(\"{at}/embedding.pt\"); all(E(a.labels) == a.rows)");
    assert_eq!(notes.ok(&rows), "true");
    let normed = format!(
        "let S = sequential([spectral_norm(linear(3, 2))]); S.load(\"{at}/old_norm.pt\"); S.eval(); max(abs(S(old.x) - old.y)).item() < 1e-5"
    );
    assert_eq!(notes.ok(&normed), "true");
    notes.ok(&format!(
        "sequential([spectral_norm(linear(3, 2)), spectral_norm(conv_transpose2d(2, 3, 2)), weight_norm(linear(2, 2))]).load(\"{at}/norms.pt\")"
    ));
    // A state dict that fits is found without its key, whatever tensors lie beside it.
    let found = format!(
        "let kept = load(\"{at}/../../notebooks/files/torch.pt\"); let F = sequential([linear(2, 16), batch_norm(16), tanh(), linear(16, 2)]);
         F.load(\"{at}/../../notebooks/files/torch.pt\"); F.eval(); max(abs(F(kept.x) - kept.y)).item() < 1e-5"
    );
    assert_eq!(notes.ok(&found), "true");
    assert_eq!(
        notes.ok(&format!("let kept = load(\"{at}/nested.pt\"); [kept.epoch, kept.lr, kept.note]")),
        "[3, 0.001, \"a run\"]"
    );
}

#[test]
fn what_does_not_fit_is_listed_and_nothing_is_changed() {
    let at = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/torch");
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("let G = sequential([linear(4, 2), relu(), linear(2, 1)]); let before = G.params().map(|p| p + 0);");
    let shown = notes.err(&format!("G.load(\"{at}/net.pt\")"));
    for part in [
        "has no `2.weight`, `2.bias`",
        "holds `1.bias`",
        "`5.weight`",
        "which the network does not have",
        "`0.weight` is f32 of shape [2, 1, 3, 3], the network's of shape [2, 4]",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for (file, why) in [
        ("evil.pt", "system`; that is code"),
        ("module.pt", "`torch.nn.modules.linear.Linear`"),
        ("script.pt", "TorchScript"),
        ("before_1_6.pt", "torch.save it again"),
    ] {
        let shown = notes.err(&format!("G.load(\"{at}/{file}\")"));
        assert!(shown.contains(why), "{shown}");
    }
    let shown = notes.err(&format!("G.load(\"{at}/nested.pt\", #{{ key: \"D\" }})"));
    assert!(shown.contains("holds tensors under `G`"), "{shown}");
    assert!(!std::path::Path::new("/tmp/saddle-was-here").exists());
    assert_eq!(notes.ok("G.params().len"), "4");
    assert_eq!(
        notes.ok("let moved = 0.0; for i in 0..4 { moved += sum(abs(G.params()[i] - before[i])).item(); } moved"),
        "0.0"
    );
}
