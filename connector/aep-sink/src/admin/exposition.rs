//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use super::metric::{Kind, Metric};
use crate::telemetry::Histogram;

/// What to send it as.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Labels: names and values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// A text under construction. Writing to a `String` cannot fail, hence the ignored results.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// The samples of one metric.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Exposition {
    /// Begins a metric. Each is begun once, also when it has no samples: whoever looks sees that it
    /// exists.
    pub(super) fn metric(&mut self, metric: &Metric) -> Samples<'_> {
        let Metric { name, kind, help } = metric;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Samples {
            name,
            text: &mut self.0,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// A sample with a whole number. Above 2^53 Prometheus rounds it.
    pub(super) fn count(&mut self, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.line("", labels, None, value);
    }

    /// A sample with a number that may have a fraction.
    pub(super) fn number(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, value);
    }

    pub(super) fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        for (bound, count) in histogram.cumulative() {
            let bound = if bound.is_finite() {
                bound.to_string()
            } else {
                "+Inf".to_owned()
            };
            self.line("_bucket", labels, Some(("le", &bound)), count);
        }
        self.line("_sum", labels, None, histogram.sum());
        self.line("_count", labels, None, histogram.count());
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        last: Option<(&str, &str)>,
        value: impl std::fmt::Display,
    ) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let labels = labels.iter().copied().chain(last);
        let mut open = '{';
        for (name, value) in labels {
            let _ = write!(self.text, "{open}{name}=\"");
            escape(value, self.text);
            self.text.push('"');
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn escape(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            letter => text.push(letter),
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::metric::{READY, RECORDS, REQUEST_SECONDS};

    #[test]
    fn samples_are_written_as_the_format_wants_them() {
        let mut exposition = Exposition::default();
        exposition.metric(&READY).count(&[], 1);
        let mut records = exposition.metric(&RECORDS);
        records.count(
            &[("outcome", "delivered"), ("kind", "a\"b\\c\nd")],
            u64::MAX,
        );
        let mut histogram = Histogram::new(&[0.5, 2.0]);
        histogram.observe(1.25);
        exposition
            .metric(&REQUEST_SECONDS)
            .histogram(&[("inlet", "events")], &histogram);
        let text = exposition.into_text();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "capillary_aep_ready 1",
                "capillary_aep_records_total{outcome=\"delivered\",kind=\"a\\\"b\\\\c\\nd\"} 18446744073709551615",
                "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"0.5\"} 0",
                "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"2\"} 1",
                "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"+Inf\"} 1",
                "capillary_aep_request_duration_seconds_sum{inlet=\"events\"} 1.25",
                "capillary_aep_request_duration_seconds_count{inlet=\"events\"} 1",
            ]
        );
        assert!(text.starts_with(
            "# HELP capillary_aep_ready 1 while nothing keeps records from being delivered.\n\
             # TYPE capillary_aep_ready gauge\n"
        ));
    }
}
