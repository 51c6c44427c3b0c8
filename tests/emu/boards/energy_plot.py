"""Bars on a logarithmic scale as a self-contained SVG file, in the style of tests/bench/loss/plot.c."""
import math

LEFT, TOP, WIDTH, BAR, STEP, RIGHT = 330, 70, 420, 20, 34, 150


def draw(title, label, bars, low, high):
    """bars: (name, value, colour, text behind the bar); low and high: powers of ten."""
    bottom = TOP + len(bars) * STEP
    total_width, total_height = LEFT + WIDTH + RIGHT, bottom + 66
    def at(value):
        return LEFT + (math.log10(value) - low) / (high - low) * WIDTH

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}" width="{total_width}" '
           f'height="{total_height}" font-family="sans-serif" font-size="13" fill="#222">',
           f'<rect width="{total_width}" height="{total_height}" fill="#fff"/>',
           f'<text x="24" y="34" font-size="17" font-weight="bold">{title}</text>']
    for power in range(low, high + 1):
        x = at(10 ** power)
        colour = "#222" if power == low else "#ddd"
        out += [f'<path d="M{x:.1f} {TOP - 8}V{bottom}" stroke="{colour}"/>',
                f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{10 ** power:,}</text>']
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{bottom + 48}" text-anchor="middle">{label}</text>')
    for number, (name, value, colour, text) in enumerate(bars):
        y = TOP + number * STEP
        out += [f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{name}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{at(value) - LEFT:.1f}" height="{BAR}" fill="{colour}"/>',
                f'<text x="{at(value) + 8:.1f}" y="{y + 15}">{text}</text>']
    return "\n".join([*out, "</svg>", ""])
