// A small plot of two values over the last minute.

const SECONDS = 60;
const WIDTH = 280;
const HEIGHT = 84;
const SVG = "http://www.w3.org/2000/svg";

export class Plot {
  /** Draws into `figure`; `floor` is the least that the scale reaches to. */
  constructor(figure, title, unit, floor, digits) {
    Object.assign(this, { figure, title, unit, floor, digits, points: [] });
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.now = document.createElement("p");
    this.now.className = "now";
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.lines = ["received", "sent"].map((name) => {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("class", name);
      line.setAttribute("vector-effect", "non-scaling-stroke");
      this.svg.append(line);
      return [name, line];
    });
    this.top = document.createElement("span");
    this.top.className = "top faint";
    figure.replaceChildren(caption, this.now, this.svg, this.top);
    this.draw(0);
  }

  /** Adds what is there at `time` (seconds): to the host, and from it; either may be unknown. */
  add(time, sent, received) {
    this.points.push({ time, sent, received });
    while (this.points[0].time < time - SECONDS) this.points.shift();
    this.draw(time);
  }

  clear() {
    this.points = [];
    this.draw(0);
  }

  draw(now) {
    const values = this.points.flatMap(({ sent, received }) => [sent, received]).filter(Number.isFinite);
    const top = nice(Math.max(this.floor, ...values));
    const x = (time) => WIDTH - ((now - time) / SECONDS) * WIDTH;
    const y = (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 3);
    for (const [name, line] of this.lines) {
      let path = "";
      let pen = "M";
      for (const point of this.points) {
        if (Number.isFinite(point[name])) {
          path += `${pen}${x(point.time).toFixed(1)} ${y(point[name]).toFixed(1)}`;
          pen = "L";
        } else {
          pen = "M";
        }
      }
      line.setAttribute("d", path);
    }
    const last = this.points.at(-1) ?? {};
    this.top.textContent = `${top} ${this.unit}`;
    const text = (value) => (Number.isFinite(value) ? value.toFixed(this.digits) : "–");
    const parts = [["sent", "to host"], ["received", "from host"]].map(([name, words]) => {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = `${text(last[name])} ${this.unit} ${words}`;
      return part;
    });
    this.now.replaceChildren(...parts);
    this.svg.setAttribute("aria-label", `${this.title}: ${parts.map((part) => part.textContent).join(", ")}`);
  }
}

/** The next 1, 2 or 5 times a power of ten. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}
