//! What a running notebook shows, recorded as a notebook file stores it: adjacent texts of one stream joined, updates
//! applied to the displays they name wherever those stand, `clear_output` obeyed.

use base64::Engine as _;
use saddle_session::output::{Bundle, Data, Output, Stream};
use saddle_session::{Failure, Frontend};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const WIDGET_VIEW: &str = "application/vnd.jupyter.widget-view+json";

/// A [`Frontend`] that records outputs, cell by cell, and passes everything on to another one.
pub struct Recorder {
    then: Arc<dyn Frontend>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// One list of outputs for each cell begun.
    cells: Vec<Vec<Shown>>,
    /// `In[n]` of the cell that runs: a result carries it.
    count: usize,
    /// `clear_output(wait=True)` was asked for: clear when the next output comes.
    clear_next: bool,
}

/// One recorded output.
struct Shown {
    output: Value,
    /// The display id by which it may be updated.
    id: Option<String>,
}

impl Recorder {
    /// A recorder that passes outputs and questions on to `then`.
    pub fn new(then: Arc<dyn Frontend>) -> Self {
        Self { then, state: Mutex::default() }
    }

    /// From now on outputs belong to a new cell, the one that carries `In[count]`.
    pub fn begin(&self, count: usize) {
        let mut state = self.lock();
        state.cells.push(Vec::new());
        state.count = count;
        state.clear_next = false;
    }

    /// Records the error with which the cell ended.
    pub fn fail(&self, failure: &Failure) {
        self.lock().push(
            json!({
                "output_type": "error",
                "ename": failure.name,
                "evalue": failure.value,
                "traceback": failure.traceback,
            }),
            None,
        );
    }

    /// The outputs of each cell begun, in nbformat's terms.
    pub fn outputs(&self) -> Vec<Vec<Value>> {
        let state = self.lock();
        let cells = state.cells.iter();
        cells.map(|cell| cell.iter().map(Shown::stored).collect()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frontend for Recorder {
    fn show(&self, output: Output) {
        self.lock().take(&output);
        self.then.show(output);
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        self.then.ask(prompt, password)
    }
}

impl State {
    fn take(&mut self, output: &Output) {
        match output {
            Output::Text { stream, text } => self.text(*stream, text),
            Output::Display { bundle, id } => {
                if let Some(id) = id {
                    self.update(id, bundle);
                }
                let mut output = stored_bundle(bundle);
                output.insert("output_type".into(), "display_data".into());
                self.push(Value::Object(output), id.clone());
            }
            Output::Update { bundle, id } => self.update(id, bundle),
            Output::Result { bundle } => {
                let mut output = stored_bundle(bundle);
                output.insert("output_type".into(), "execute_result".into());
                output.insert("execution_count".into(), self.count.into());
                self.push(Value::Object(output), None);
            }
            Output::Clear { wait: true } => self.clear_next = true,
            Output::Clear { wait: false } => self.clear(),
            // A pager's page is not part of the notebook, nor does a run change its cells, nor does a file move a
            // slider; and what is asked for in a file is kept whole.
            Output::Page { .. } | Output::NextInput { .. } | Output::Comm(_) | Output::Leave | Output::Lines { .. } => {
            }
        }
    }

    /// Adds an output to the cell that runs.
    fn push(&mut self, output: Value, id: Option<String>) {
        if self.clear_next {
            self.clear();
        }
        if let Some(cell) = self.cells.last_mut() {
            cell.push(Shown { output, id });
        }
    }

    /// Adds text, to the last output where that is the same stream.
    fn text(&mut self, stream: Stream, text: &str) {
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        if !self.clear_next
            && let Some(last) = self.cells.last_mut().and_then(|cell| cell.last_mut())
            && last.output["output_type"] == "stream"
            && last.output["name"] == name
            && let Value::String(before) = &mut last.output["text"]
        {
            before.push_str(text);
            return;
        }
        self.push(json!({ "output_type": "stream", "name": name, "text": text }), None);
    }

    /// Shows `bundle` in place of every display that carries `id`, in this cell and in earlier ones.
    fn update(&mut self, id: &str, bundle: &Bundle) {
        for shown in self.cells.iter_mut().flatten() {
            if shown.id.as_deref() == Some(id)
                && let Value::Object(output) = &mut shown.output
            {
                output.extend(stored_bundle(bundle));
            }
        }
    }

    fn clear(&mut self) {
        self.clear_next = false;
        if let Some(cell) = self.cells.last_mut() {
            cell.clear();
        }
    }
}

impl Shown {
    /// The output as a file stores it: text as it stands on the screen at the end.
    fn stored(&self) -> Value {
        let mut output = self.output.clone();
        if let Some(Value::String(text)) = output.get_mut("text") {
            *text = on_screen(text);
        }
        output
    }
}

/// `data` and `metadata` of a display.
fn stored_bundle(bundle: &Bundle) -> Map<String, Value> {
    let mut data = Map::new();
    // A widget cannot be looked up once this run has ended; its text stands for it.
    let shown = bundle.data.iter().filter(|(mime, _)| mime != WIDGET_VIEW);
    for (mime, content) in shown {
        let value = match content {
            Data::Text(text) => Value::String(text.clone()),
            Data::Json(value) => value.clone(),
            Data::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        };
        data.insert(mime.clone(), value);
    }
    Map::from_iter([
        ("data".to_string(), Value::Object(data)),
        ("metadata".to_string(), Value::Object(bundle.metadata.clone())),
    ])
}

/// What a terminal would show of `text`: `\r` goes back to the start of the line and what follows overwrites it, `\x08`
/// takes back one character.
pub(super) fn on_screen(text: &str) -> String {
    if !text.contains(['\r', '\x08']) {
        return text.to_string();
    }
    let mut screen = String::with_capacity(text.len());
    let mut line: Vec<char> = Vec::new();
    let mut column = 0usize;
    for c in text.chars() {
        match c {
            '\n' => {
                screen.extend(line.drain(..));
                screen.push('\n');
                column = 0;
            }
            '\r' => column = 0,
            '\x08' => column = column.saturating_sub(1),
            _ => {
                if column < line.len() {
                    line[column] = c;
                } else {
                    line.push(c);
                }
                column += 1;
            }
        }
    }
    screen.extend(line);
    screen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Deaf;

    fn text(text: &str) -> Output {
        Output::Text { stream: Stream::Stdout, text: text.into() }
    }

    fn display(text: &str, id: Option<&str>) -> Output {
        Output::Display { bundle: Bundle::text(text), id: id.map(str::to_string) }
    }

    fn recorded(outputs: Vec<Output>) -> Vec<Value> {
        let recorder = Recorder::new(Arc::new(Deaf));
        recorder.begin(1);
        outputs.into_iter().for_each(|output| recorder.show(output));
        recorder.outputs().remove(0)
    }

    #[test]
    fn adjacent_texts_of_one_stream_are_one_output() {
        let err = Output::Text { stream: Stream::Stderr, text: "!".into() };
        let outputs = recorded(vec![text("a"), text("b\n"), err, text("c")]);
        let texts: Vec<_> = outputs.iter().map(|output| output["text"].as_str()).collect();
        assert_eq!(texts, [Some("ab\n"), Some("!"), Some("c")]);
    }

    #[test]
    fn carriage_returns_leave_what_a_terminal_would_show() {
        let outputs = recorded(vec![text(" 50%\r"), text("100%\nabc\x08\x08X")]);
        assert_eq!(outputs[0]["text"], "100%\naXc");
    }

    #[test]
    fn a_widget_is_stored_as_its_text() {
        let view = Data::Json(json!({ "model_id": "m" }));
        let bundle = Bundle::text("slider z").with(WIDGET_VIEW, view);
        let outputs = recorded(vec![Output::Display { bundle, id: None }]);
        assert_eq!(outputs[0]["data"], json!({ "text/plain": "slider z" }));
    }

    #[test]
    fn updates_reach_displays_of_earlier_cells() {
        let recorder = Recorder::new(Arc::new(Deaf));
        recorder.begin(1);
        recorder.show(display("old", Some("p")));
        recorder.begin(2);
        recorder.show(Output::Update { bundle: Bundle::text("new"), id: "p".into() });
        recorder.show(Output::Update { bundle: Bundle::text("lost"), id: "unknown".into() });
        let outputs = recorder.outputs();
        assert_eq!(outputs[0][0]["data"]["text/plain"], "new");
        assert_eq!(outputs[0][0]["output_type"], "display_data");
        assert!(outputs[1].is_empty());
    }

    #[test]
    fn clear_waits_for_the_next_output_only_when_asked_to() {
        let wait = Output::Clear { wait: true };
        let outputs = recorded(vec![text("a"), wait.clone(), text("b"), wait.clone()]);
        assert_eq!(outputs.len(), 1);
        assert_eq!(outputs[0]["text"], "b");
        assert!(recorded(vec![text("a"), Output::Clear { wait: false }]).is_empty());
    }
}
