//! The plot of time over size.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use srtp::{Kind, Profile};

use crate::measure::Shape;
use crate::peer::{Mode, Operation};
use crate::report::Report;

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (1100, 520);

/// Draws the time to protect a packet over its size for two profiles, each library in each mode a
/// line.
pub(crate) fn draw(report: &Report<'_>, path: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let halves = root.split_evenly((1, 2));
    for (area, profile) in halves
        .iter()
        .zip([Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm])
    {
        draw_profile(report, area, profile)?;
    }
    root.present()?;
    Ok(())
}

fn draw_profile(
    report: &Report<'_>,
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    profile: Profile,
) -> Result<(), Box<dyn Error>> {
    let lines = lines(report, profile);
    let longest = report.sizes.iter().copied().max().unwrap_or(1);
    let slowest = lines
        .iter()
        .flat_map(|(_, points)| points)
        .map(|p| p.1)
        .fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(profile.name(), ("sans-serif", 18))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0..longest, 0.0..1.05 * slowest)?;
    chart
        .configure_mesh()
        .x_desc("RTP packet, bytes")
        .y_desc("protect, ns per packet")
        .y_label_formatter(&|ns| format!("{ns:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (i, (name, points)) in lines.into_iter().enumerate() {
        let color = Palette99::pick(i).to_rgba();
        // What the picture is about stands out from what it is compared with.
        let width = if name.starts_with("portcullis") { 4 } else { 2 };
        let marks: Vec<_> = points
            .iter()
            .map(|&p| Circle::new(p, 3, color.filled()))
            .collect();
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(width)))?
            .label(name)
            .legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 16, y)], color.stroke_width(width))
            });
        chart.draw_series(marks)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

type Line = (String, Vec<(usize, f64)>);

fn lines(report: &Report<'_>, profile: Profile) -> Vec<Line> {
    let mut lines = Vec::new();
    for (peer, library) in report.peers.iter().enumerate() {
        for mode in [Mode::Single, Mode::Batch(64)] {
            let at = |size: usize| {
                let shape = Shape {
                    profile,
                    kind: Kind::Rtp,
                    size,
                    operation: Operation::Protect,
                    mode,
                };
                Some((size, report.minimum(peer, shape)?))
            };
            let points: Vec<_> = report.sizes.iter().filter_map(|&size| at(size)).collect();
            if !points.is_empty() {
                lines.push((format!("{} {}", library.name(), mode.name()), points));
            }
        }
    }
    lines
}
