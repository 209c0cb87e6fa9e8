//! Sound: a wave as a player and a picture.

use super::NUMBERS;
use crate::types;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::Dynamic;
use saddle_catalog::{Entry, KIND, Kind, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Figure, Line};
use saddle_session::output::{Bundle, Data, escape_html};
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&AUDIO];

/// Samples in [−1, 1] and how many of them are a second.
struct Wave {
    samples: Vec<f32>,
    rate: u32,
}

#[derive(Clone)]
struct Sound(Rc<Wave>);

pub static SOUND: Kind = Kind {
    name: "audio",
    summary: "a sound: a player, and a picture of the wave",
    id: || TypeId::of::<Sound>(),
    show: |v| v.read_lock::<Sound>().map_or_else(|| Bundle::text("audio"), |sound| sound.0.bundle()),
    text: Some(|v| v.read_lock::<Sound>().map_or_else(|| "audio".into(), |sound| sound.0.describe())),
    ..KIND
};

/// The highest rate, Hz: that of the best converters.
const FASTEST: f64 = 768_000.0;
/// Columns of the picture of a wave, each from its lowest to its highest sample.
const COLUMNS: usize = 1200;

impl Wave {
    fn describe(&self) -> String {
        let seconds = self.samples.len() as f64 / f64::from(self.rate);
        format!("audio: {seconds:.2} s at {} Hz", self.rate)
    }

    /// A WAV file: RIFF, PCM, one channel of 16 bits.
    fn wav(&self) -> Vec<u8> {
        let size = 2 * self.samples.len() as u32;
        let mut file = Vec::with_capacity(44 + size as usize);
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(36 + size).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&16u32.to_le_bytes());
        file.extend_from_slice(&1u16.to_le_bytes());
        file.extend_from_slice(&1u16.to_le_bytes());
        file.extend_from_slice(&self.rate.to_le_bytes());
        file.extend_from_slice(&(2 * self.rate).to_le_bytes());
        file.extend_from_slice(&2u16.to_le_bytes());
        file.extend_from_slice(&16u16.to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&size.to_le_bytes());
        for v in &self.samples {
            file.extend_from_slice(&((v * 32767.0).round() as i16).to_le_bytes());
        }
        file
    }

    /// The wave over time. A long one is drawn from column to column between its extremes, so that no peak is lost.
    fn figure(&self) -> Figure {
        let seconds = |i: usize| i as f64 / f64::from(self.rate);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let width = self.samples.len().div_ceil(COLUMNS);
        for (i, column) in self.samples.chunks(width.max(1)).enumerate() {
            let low = column.iter().copied().fold(f32::INFINITY, f32::min);
            let high = column.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let both = if width > 1 { vec![low, high] } else { vec![column[0]] };
            for v in both {
                x.push(seconds(i * width));
                y.push(f64::from(v));
            }
        }
        let mut axes = Axes::default().with(Line { x, y, ..Line::default() });
        axes.x.label = "seconds".into();
        axes.y.range = Some((-1.05, 1.05));
        axes.size = Some((640.0, 150.0));
        axes.into()
    }

    /// A player above the picture for pages, the picture and the file for all others. Their bytes differ in the last
    /// digit from processor to processor, so two runs are compared by their text.
    fn bundle(&self) -> Bundle {
        let (picture, wav) = (self.figure().picture(), self.wav());
        let text = self.describe();
        let html = format!(
            "<div><audio controls src=\"data:audio/wav;base64,{}\"></audio><br>\
             <img width=\"{}\" alt=\"{}\" src=\"data:image/png;base64,{}\"></div>",
            STANDARD.encode(&wav),
            picture.width,
            escape_html(&text),
            STANDARD.encode(&picture.bytes)
        );
        Bundle::png(text, picture.bytes, picture.width)
            .with("audio/wav", Data::Bytes(wav))
            .with("text/html", Data::Text(html))
            .varying()
    }
}

/// The samples for a player: finite, the loudest brought to full scale if `normalize` says so.
fn samples(values: &[f64], normalize: bool) -> Result<Vec<f32>> {
    if values.is_empty() {
        return Err(Fault::value("audio: there are no samples"));
    }
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(Fault::value(format!("audio: sample {i} is {}", values[i])).hint(
            "every sample must be a finite number; detect_anomaly(true) finds the operation that made the first NaN",
        ));
    }
    let peak = values.iter().fold(0.0, |peak: f64, v| peak.max(v.abs()));
    if !normalize && peak > 1.0 {
        return Err(Fault::value(format!("audio: the loudest sample is {peak}, outside [-1, 1]"))
            .hint("leave out normalize: false, and it is brought to 1"));
    }
    let scale = if normalize && peak > 0.0 { 1.0 / peak } else { 1.0 };
    Ok(values.iter().map(|v| (v * scale) as f32).collect())
}

const NORMALIZE: Param<bool> = param(
    "normalize",
    types::BOOL,
    "the loudest sample is brought to full scale; false: samples are taken as they are, in [-1, 1]",
)
.or(true);

const X: Param<Vec<f64>> = param("x", NUMBERS, "the samples of one channel");
const RATE: Param<f64> = param("rate", types::NUMBER, "samples a second, Hz: 8000, 16000, 44100");
static AUDIO: Entry = Entry {
    name: "audio",
    group: "picture",
    summary: "a sound that can be played in the cell, beside a picture of its wave",
    params: &[X.param(), RATE.param()],
    options: &[NORMALIZE.opt()],
    returns: Ty::Of("audio"),
    shapes: "[n], or any shape with one dim that is not 1",
    errors: &[
        "a rate that is not a whole number from 1 to 768000",
        "a sample that is not finite, or no samples",
        "several channels",
        "with normalize: false, a sample outside [-1, 1]",
    ],
    source: &["IPython.display.Audio; the file is RIFF WAVE, PCM of 16 bits"],
    examples: &[
        value("a second of A", "audio(sin(2 * PI() * 440 * arange(8000) / 8000), 8000)", "audio: 1.00 s at 8000 Hz"),
        fails("no rate", "audio([0, 1], 0)", "the rate must be a whole number from 1 to 768000, got 0"),
        fails("not a number", "audio(log(tensor([1, -1])), 8000)", "sample 1 is NaN"),
    ],
    call: |call| {
        let rate = RATE.of(call)?;
        if !(1.0..=FASTEST).contains(&rate) || rate.fract() != 0.0 {
            return Err(Fault::value(format!(
                "audio: the rate must be a whole number from 1 to {FASTEST}, got {rate}"
            ))
            .hint("samples a second, such as 8000 or 44100"));
        }
        if let Some(t) = X.value(call).read_lock::<saddle_tensor::Tensor>()
            && t.shape().iter().filter(|&&n| n != 1).count() > 1
        {
            return Err(Fault::shape(format!(
                "audio: one channel is played, got shape {}",
                saddle_tensor::shown(&t.shape())
            ))
            .hint("take a row: x[0]"));
        }
        let samples = samples(&X.of(call)?, NORMALIZE.of(call)?)?;
        Ok(Dynamic::from(Sound(Rc::new(Wave { samples, rate: rate as u32 }))))
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The header as Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" lays it out.
    #[test]
    fn a_wav_file_byte_by_byte() {
        let wave = Wave { samples: vec![0.0, 1.0, -1.0], rate: 8000 };
        let file = wave.wav();
        assert_eq!(file.len(), 44 + 6);
        assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        let u32_at = |i: usize| u32::from_le_bytes([file[i], file[i + 1], file[i + 2], file[i + 3]]);
        assert_eq!([u32_at(4), u32_at(16), u32_at(24), u32_at(28), u32_at(40)], [42, 16, 8000, 16000, 6]);
        let i16_at = |i: usize| i16::from_le_bytes([file[i], file[i + 1]]);
        // PCM, one channel, two bytes a frame, sixteen bits; then the samples.
        assert_eq!([20, 22, 32, 34, 44, 46, 48].map(i16_at), [1, 1, 2, 16, 0, 32767, -32767]);
    }

    #[test]
    fn a_page_gets_a_player_a_picture_and_the_file() {
        let bundle = Wave { samples: vec![0.5; 5000], rate: 1000 }.bundle();
        assert_eq!(bundle.plain(), "audio: 5.00 s at 1000 Hz");
        assert!(matches!(bundle.get("audio/wav"), Some(Data::Bytes(file)) if file.starts_with(b"RIFF")));
        assert!(bundle.get("image/png").is_some());
        let Some(Data::Text(html)) = bundle.get("text/html") else { panic!("no page") };
        assert!(html.contains("<audio controls src=\"data:audio/wav;base64,UklGR"), "{html:.80}");
    }

    #[test]
    fn loudness() {
        assert_eq!(samples(&[0.0, 2.0, -4.0], true).ok(), Some(vec![0.0, 0.5, -1.0]));
        assert_eq!(samples(&[0.0, 0.0], true).ok(), Some(vec![0.0, 0.0]));
        assert_eq!(samples(&[0.25], false).ok(), Some(vec![0.25]));
        assert!(samples(&[2.0], false).is_err_and(|f| f.message.contains("outside [-1, 1]")));
        assert!(samples(&[], true).is_err_and(|f| f.message.contains("no samples")));
        assert!(samples(&[0.0, f64::INFINITY], true).is_err_and(|f| f.message.contains("sample 1 is inf")));
    }
}
