//! Where the outputs of a function stand that is called again and again: each call's outputs take the place of those of
//! the call before, live, at most ten times a second and the last always.
//!
//! Under an `interact` that is a display with an id: redrawn in place by Jupyter alone, and stored in the notebook as
//! the picture it is. A page that was loaded after the cell ran knows no ids of displays; such a page gets the outputs
//! in a widget for outputs below the controls. Functions of `on_change` and `on_click` have only that widget: they show
//! nothing until they are called.

use super::store::Widgets;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saddle_picture::Pace;
use saddle_session::output::{Bundle, Data, Output, Stream, escape_html, strip_ansi};
use saddle_session::{Checkpoint, Failure, Frontend};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The most text of one call; a call that prints more says how many lines were left out. All of it is sent at each
/// redraw.
const MOST_TEXT: usize = 32 * 1024;
/// The most displays of one call.
const MOST_DISPLAYS: usize = 32;

/// A place for outputs. Clones are the same place.
#[derive(Clone)]
pub struct Area(Arc<State>);

struct State {
    /// The display's id, where it is one.
    display: Option<String>,
    displayed: AtomicBool,
    /// The model of the widget for outputs.
    output: String,
    widgets: Widgets,
}

impl Area {
    pub fn new(display: Option<String>, output: String, widgets: Widgets) -> Self {
        Self(Arc::new(State { display, displayed: AtomicBool::new(false), output, widgets }))
    }

    /// A frontend that takes the outputs of one call.
    pub fn begin(&self, then: Arc<dyn Frontend>) -> Arc<Collector> {
        Arc::new(Collector { place: self.0.clone(), then, call: Mutex::default() })
    }
}

/// Takes the outputs of one call.
pub struct Collector {
    place: Arc<State>,
    then: Arc<dyn Frontend>,
    call: Mutex<Shown>,
}

/// What a call has shown so far.
#[derive(Default)]
struct Shown {
    items: Vec<Item>,
    text: usize,
    left_out: usize,
    clear_next: bool,
    pace: Pace,
}

enum Item {
    Text(Stream, String),
    Display(Bundle, Option<String>),
    Error(Failure),
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call has ended: its last state is drawn, with its error where it failed. What showed nothing leaves what
    /// stands, unless nothing does.
    pub fn finish(&self, error: Option<&Failure>) {
        let mut call = self.lock();
        if let Some(error) = error {
            call.items.push(Item::Error(error.clone()));
        }
        let first = self.place.display.is_some() && !self.place.displayed.load(Ordering::Relaxed);
        if call.pace.behind() || error.is_some() || (first && call.items.is_empty()) {
            self.draw(&call);
        }
    }

    fn draw(&self, call: &Shown) {
        let place = &self.place;
        if let Some(id) = place.display.clone() {
            let bundle = call.bundle();
            self.then.show(match place.displayed.swap(true, Ordering::Relaxed) {
                true => Output::Update { bundle, id },
                false => Output::Display { bundle, id: Some(id) },
            });
        }
        if place.display.is_none() || place.widgets.is_asked_for(&place.output) {
            place.widgets.set(&place.output, "outputs", call.outputs());
            if let Some(mut said) = place.widgets.state_message(&place.output, &["outputs"]) {
                // An `update` by the protocol, and front ends take both alike; but Visual Studio Code holds every later
                // message of the kernel until it hears that its page has handled an `update` of a widget for outputs,
                // and in a remote window it can miss that.
                said.data.insert("method".into(), "echo_update".into());
                self.then.show(Output::Comm(said));
            }
        }
    }
}

impl Frontend for Collector {
    fn show(&self, output: Output) {
        let mut call = self.lock();
        match output {
            // What belongs to the session or to a display elsewhere goes its way.
            Output::Comm(_) | Output::Leave | Output::Lines { .. } | Output::Page { .. } | Output::NextInput { .. } => {
                return self.then.show(output);
            }
            Output::Update { bundle, id } => match call.find(&id) {
                Some(item) => *item = Item::Display(bundle, Some(id)),
                None => return self.then.show(Output::Update { bundle, id }),
            },
            Output::Clear { wait: true } => {
                call.clear_next = true;
                return;
            }
            Output::Clear { wait: false } => call.clear(),
            Output::Text { stream, text } => call.add_text(stream, &text),
            Output::Display { bundle, id } => call.add(Item::Display(bundle, id)),
            Output::Result { bundle } => call.add(Item::Display(bundle, None)),
        }
        if call.pace.due(Instant::now()) {
            self.draw(&call);
        }
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        self.then.ask(prompt, password)
    }

    fn checkpoint(&self, checkpoint: Checkpoint) {
        self.then.checkpoint(checkpoint);
    }
}

impl Shown {
    fn find(&mut self, id: &str) -> Option<&mut Item> {
        let mut items = self.items.iter_mut();
        items.find(|item| matches!(item, Item::Display(_, Some(found)) if found == id))
    }

    fn clear(&mut self) {
        self.items.clear();
        (self.text, self.left_out, self.clear_next) = (0, 0, false);
    }

    fn add(&mut self, item: Item) {
        if self.clear_next {
            self.clear();
        }
        match self.items.len() < MOST_DISPLAYS {
            true => self.items.push(item),
            false => self.left_out += 1,
        }
    }

    fn add_text(&mut self, stream: Stream, text: &str) {
        if self.clear_next {
            self.clear();
        }
        if self.left_out > 0 || self.text + text.len() > MOST_TEXT {
            self.left_out += text.matches('\n').count().max(1);
            return;
        }
        self.text += text.len();
        match self.items.last_mut() {
            Some(Item::Text(same, before)) if *same == stream => before.push_str(text),
            _ => self.add(Item::Text(stream, text.to_string())),
        }
    }

    fn note(&self) -> Option<String> {
        (self.left_out > 0).then(|| format!("… {} lines or displays left out", self.left_out))
    }

    /// All in one display: a single display is shown as it is; several things are one HTML page, each below the other.
    fn bundle(&self) -> Bundle {
        if let ([Item::Display(bundle, _)], 0) = (self.items.as_slice(), self.left_out) {
            return bundle.clone();
        }
        let (mut plain, mut html) = (String::new(), String::new());
        for item in &self.items {
            let text = match item {
                Item::Text(_, text) => text.trim_end_matches('\n').to_string(),
                Item::Display(bundle, _) => bundle.plain().to_string(),
                Item::Error(failure) => strip_ansi(&failure.traceback.join("\n")),
            };
            plain.extend([text.as_str(), "\n"]);
            html += &match item {
                Item::Text(Stream::Stdout, _) => preformatted(&text, ""),
                Item::Text(Stream::Stderr, _) => preformatted(&text, WARNING),
                Item::Display(bundle, _) => as_html(bundle),
                Item::Error(_) => preformatted(&text, ERROR),
            };
        }
        if let Some(note) = self.note() {
            plain.extend([note.as_str(), "\n"]);
            html += &preformatted(&note, "");
        }
        let bundle = Bundle::text(plain.trim_end_matches('\n'));
        let only_text = self.items.iter().all(|item| matches!(item, Item::Text(Stream::Stdout, _)));
        match only_text {
            true => bundle,
            false => bundle.with("text/html", Data::Text(html)),
        }
    }

    /// Each thing as a notebook stores outputs.
    fn outputs(&self) -> Value {
        let note = self.note().map(|text| Item::Text(Stream::Stdout, text));
        let stored = self.items.iter().chain(&note).map(|item| match item {
            Item::Text(stream, text) => {
                let name = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                json!({ "output_type": "stream", "name": name, "text": text })
            }
            Item::Display(bundle, _) => {
                let data = bundle.data.iter().map(|(mime, data)| (mime.clone(), stored(data)));
                let data: serde_json::Map<String, Value> = data.collect();
                json!({ "output_type": "display_data", "data": data, "metadata": bundle.metadata })
            }
            Item::Error(failure) => json!({
                "output_type": "error",
                "ename": failure.name,
                "evalue": failure.value,
                "traceback": failure.traceback,
            }),
        });
        stored.collect()
    }
}

const WARNING: &str = "background: var(--jp-rendermime-error-background, #fdd)";
const ERROR: &str = "color: var(--jp-error-color1, #b00020)";

fn preformatted(text: &str, style: &str) -> String {
    format!("<pre style=\"margin: 0; {style}\">{}</pre>", escape_html(text))
}

fn stored(data: &Data) -> Value {
    match data {
        Data::Text(text) => text.as_str().into(),
        Data::Json(json) => json.clone(),
        Data::Bytes(bytes) => STANDARD.encode(bytes).into(),
    }
}

/// The richest representation of a display that a page shows by itself.
fn as_html(bundle: &Bundle) -> String {
    if let Some(Data::Text(html)) = bundle.get("text/html").or_else(|| bundle.get("image/svg+xml")) {
        return format!("<div>{html}</div>");
    }
    let picture = ["image/gif", "image/png"].into_iter().find_map(|mime| match bundle.get(mime)? {
        Data::Bytes(bytes) => Some((mime, STANDARD.encode(bytes))),
        _ => None,
    });
    let alt = escape_html(bundle.plain());
    let Some((mime, base64)) = picture else {
        return preformatted(bundle.plain(), "");
    };
    let mut size = String::new();
    if let Some(width) = bundle.metadata.get(mime).and_then(|of| of["width"].as_u64()) {
        let _ = write!(size, " width=\"{width}\"");
    }
    format!("<img alt=\"{alt}\"{size} src=\"data:{mime};base64,{base64}\">")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::{model, store::Domain};

    #[derive(Default)]
    struct Page(Mutex<Vec<Output>>);

    impl Frontend for Page {
        fn show(&self, output: Output) {
            self.0.lock().unwrap().push(output);
        }

        fn ask(&self, _: &str, _: bool) -> Option<String> {
            None
        }
    }

    fn text(text: &str) -> Output {
        Output::Text { stream: Stream::Stdout, text: text.into() }
    }

    #[test]
    fn calls_are_drawn_in_one_place_the_last_state_always() {
        let widgets = Widgets::default();
        let (output, _) = widgets.open(model::output(), Domain::Still);
        let area = Area::new(Some("place".into()), output, widgets);
        let page = Arc::new(Page::default());
        for call in 0..2 {
            let collector = area.begin(page.clone());
            for n in 0..100 {
                collector.show(text(&format!("{call} {n}\n")));
            }
            collector.finish(None);
        }
        let shown = page.0.lock().unwrap();
        let plain = |output: &Output| match output {
            Output::Display { bundle, id } if id.as_deref() == Some("place") => bundle.plain().to_string(),
            Output::Update { bundle, id } if id == "place" => bundle.plain().to_string(),
            other => panic!("{other:?}"),
        };
        assert!(matches!(shown[0], Output::Display { .. }) && plain(&shown[0]) == "0 0");
        assert!(shown[1..].iter().all(|output| matches!(output, Output::Update { .. })));
        let last = plain(shown.last().unwrap());
        assert!(last.starts_with("1 0\n") && last.ends_with("1 99") && last.lines().count() == 100);
        assert!(shown.len() < 20, "{} redraws", shown.len());
    }

    #[test]
    fn several_things_are_one_page_that_runs_nothing_of_theirs() {
        let mut call = Shown::default();
        call.add_text(Stream::Stdout, "<script>alert(1)</script>\n");
        call.add(Item::Display(Bundle::png("a \"dot\"", vec![0, 255, 16], 8), None));
        call.items.push(Item::Error(Failure {
            name: "ValueError".into(),
            value: "no".into(),
            traceback: vec!["\x1b[1;31mValueError\x1b[0m: <no>".into()],
        }));
        let bundle = call.bundle();
        assert_eq!(bundle.plain(), "<script>alert(1)</script>\na \"dot\"\nValueError: <no>");
        let Some(Data::Text(html)) = bundle.get("text/html") else { panic!() };
        assert!(html.contains("&lt;script&gt;") && html.contains("ValueError: &lt;no&gt;"));
        assert!(html.contains("<img alt=\"a &quot;dot&quot;\" width=\"8\" src=\"data:image/png;base64,AP8Q\">"));
        assert_eq!(call.outputs()[2]["output_type"], "error");
    }

    #[test]
    fn text_without_end_is_cut_and_counted() {
        let mut call = Shown::default();
        (0..100_000).for_each(|_| call.add_text(Stream::Stdout, "line\n"));
        let kept = MOST_TEXT / 5;
        let note = format!("… {} lines or displays left out", 100_000 - kept);
        assert!(call.bundle().plain().ends_with(&note));
    }
}
