#!/usr/bin/env python3
"""Derives the polynomials of the math expansion and writes Coefficients.h beside itself.

Each polynomial is the minimax fit of its function under the weight that makes the error relative to the
function's final result (Remez exchange on a dense grid, in 50 digits). Where the interval
begins at zero, coefficients are rounded to the working precision one after the other, lowest order first, and
the rest fitted again after each, so that the rounding of an early coefficient is made up for by the later ones.

Usage: derive.py [--check]    --check compares with the file and changes nothing. Needs mpmath.
"""
import pathlib
import sys

from mpmath import mp, mpf, matrix, lu_solve, cos, pi, log, exp, expm1, log1p, sin, tanh, atan, erf, erfc
from mpmath import sqrt, tan, nstr, floor

mp.dps = 50
GRID_POINTS = 500


def rounded(value, bits):
    """`value` rounded to a float of `bits` significant bits (to nearest, ties to even)."""
    value = mpf(value)
    if value == 0:
        return value
    exponent = int(floor(log(abs(value), 2))) + 1
    scale = mpf(2) ** (bits - exponent)
    return mp.nint(value * scale) / scale


def hexadecimal(value):
    """A literal of exactly the double `value`."""
    number = float(value)
    assert mpf(number) == value, value
    return number.hex()


class Fit:
    """weight(x) * (f(x) - sum c[i] x^i) at its smallest maximum over [low, high]."""

    def __init__(self, f, weight, low, high):
        middle, half = (mpf(low) + high) / 2, (mpf(high) - low) / 2
        self.x = [middle - half * cos(pi * i / (GRID_POINTS - 1)) for i in range(GRID_POINTS)]
        # A removable singularity at zero: the functions below are given for x != 0.
        self.x = [x if abs(x) > mpf(10) ** -15 else mpf(10) ** -15 for x in self.x]
        self.f = [f(x) for x in self.x]
        self.w = [weight(x) for x in self.x]
        self.wf = [w * fx for w, fx in zip(self.w, self.f)]
        self.columns = {}

    def column(self, order):
        """weight(x) * x^order over the grid."""
        if order not in self.columns:
            self.columns[order] = [w * x ** order for w, x in zip(self.w, self.x)]
        return self.columns[order]

    def residual(self, terms):
        """weight * (f - the polynomial of (order, coefficient) terms) over the grid."""
        error = list(self.wf)
        for order, c in terms:
            error = [e - c * t for e, t in zip(error, self.column(order))]
        return error

    def remez(self, orders, known):
        """Coefficients of x^orders[j] with the (order, coefficient) terms `known` given."""
        count = len(orders)
        rest = self.residual(known)
        last = GRID_POINTS - 1
        reference = sorted({round(last * (i + 0.5) / (count + 1)) for i in range(count + 1)})
        for _ in range(20):
            system, right = matrix(count + 1, count + 1), matrix(count + 1, 1)
            for row, i in enumerate(reference):
                for column, order in enumerate(orders):
                    system[row, column] = self.column(order)[i]
                system[row, count] = (-1) ** row
                right[row] = rest[i]
            solution = lu_solve(system, right)
            coefficients, level = [solution[j] for j in range(count)], abs(solution[count])
            error = self.residual(known + list(zip(orders, coefficients)))
            if max(abs(e) for e in error) <= level * mpf('1.01'):
                break
            # One extremum for each run of equal sign; then drop at the ends until count + 1 are left.
            extrema = []
            for i, e in enumerate(error):
                if extrema and (error[extrema[-1]] > 0) == (e > 0):
                    if abs(e) > abs(error[extrema[-1]]):
                        extrema[-1] = i
                else:
                    extrema.append(i)
            if len(extrema) < count + 1:
                break
            while len(extrema) > count + 1:
                extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
            reference = extrema
        return coefficients

    def leastSquares(self, orders, known):
        """The same with the smallest sum of squared errors, for where zero is inside and leaves no alternation."""
        columns, rest = [self.column(order) for order in orders], self.residual(known)
        count = len(orders)
        system, right = matrix(count, count), matrix(count, 1)
        for i in range(count):
            right[i] = sum(c * r for c, r in zip(columns[i], rest))
            for j in range(count):
                system[i, j] = sum(a * b for a, b in zip(columns[i], columns[j]))
        solution = lu_solve(system, right)
        return [solution[i] for i in range(count)]

    def polynomial(self, degree, bits):
        orders = range(degree + 1)
        if self.x[0] < 0:
            # With a zero inside, the refit has no alternating solution; rounding costs little there, since the
            # function's leading terms are not part of the fit.
            known = [(order, rounded(c, bits)) for order, c in enumerate(self.remez(list(orders), []))]
        else:
            known = []
            for order in orders:
                known.append((order, rounded(self.remez(list(orders[order:]), known)[0], bits)))
        return [c for _, c in known], max(abs(e) for e in self.residual(known))


out = []


def emit(name, comment, fit, degree, bits):
    coefficients, error = fit.polynomial(degree, bits)
    bound = float(log(error, 2))
    print(f'{name:16} degree {degree:2}  error 2^{bound:.2f}', file=sys.stderr)
    out.append(f'/// {comment} Error 2^{bound:.1f}.')
    lines, line = [], '   '
    for c in coefficients:
        item = f' {hexadecimal(c)},'
        if len(line) + len(item) > 112:
            lines.append(line)
            line = '   '
        line += item
    lines.append(line)
    out.append(f'inline constexpr double {name}[] = {{\n' + '\n'.join(lines) + '};')


def erfTable():
    """erf around the multiples of a width: columns of polynomials, one for each multiple. The width is the one of
    k / 4096 that gave the smallest errors: it decides how well erf at its multiples is rounded."""
    width, count, degree = mpf(1051) / 4096, 16, 5
    half, table, worst = width / 2 * mpf('1.0001'), [], mpf(0)
    for i in range(count):
        if i == 0:  # odd
            f = Fit(lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), mpf(10) ** -15, half ** 2)
            odd, error = f.polynomial(2, 24)
            column = [mpf(0), odd[0], mpf(0), odd[1], mpf(0), odd[2]]
        else:
            middle = i * width
            f = Fit(lambda t: erf(middle + t) - t, lambda t: 1 / erf(middle + t), -half, half)
            known = [(0, rounded(erf(middle), 24))]
            orders = list(range(1, degree + 1))
            known += [(order, rounded(c, 24)) for order, c in zip(orders, f.leastSquares(orders, known))]
            column, error = [c for _, c in known], max(abs(e) for e in f.residual(known))
        table.append(column)
        worst = max(worst, error)
    bound = float(log(worst, 2))
    print(f'erfTableF32 error 2^{bound:.2f}', file=sys.stderr)
    out.append('/// The width of a part of erfTableF32.')
    out.append(f'inline constexpr double erfPartF32 = {hexadecimal(width)};')
    out.append(f'/// erf(i w + t) = t + sum of table[k][i] t^k, w = erfPartF32, |t| <= w/2. Error 2^{bound:.1f}, most of it the '
               'rounding of\n/// table[0].')
    rows = []
    for k in range(degree + 1):
        items = [hexadecimal(column[k]) for column in table]
        rows.append('    {' + ',\n     '.join(', '.join(items[i:i + 4]) for i in range(0, count, 4)) + '}')
    out.append(f'inline constexpr double erfTableF32[][{count}] = {{\n' + ',\n'.join(rows) + '};')


def expTable():
    """The powers of two between 1 and 2, each over the float that has its number for a fraction: what is shifted into
    the exponent field need not be cleared of it."""
    table = [rounded(mpf(2) ** (mpf(i) / 16) / (1 + mpf(i) / 16), 24) for i in range(16)]
    items = [hexadecimal(entry) for entry in table]
    out.append('/// 2^(i/16) / (1 + i/16).')
    out.append('inline constexpr double expTableF32[] = {\n    '
               + ',\n    '.join(', '.join(items[i:i + 4]) for i in range(0, 16, 4)) + '};')


def split(name, comment, value, widths):
    """A constant as a sum of floats with so many bits each."""
    parts, rest = [], mpf(value)
    for width in widths:
        part = rounded(rest, width)
        parts.append(part)
        rest -= part
    out.append(f'/// {comment}')
    out.append(f'inline constexpr double {name}[] = {{' + ', '.join(hexadecimal(p) for p in parts) + '};')


def main():
    ln2 = log(mpf(2))
    half = ln2 / 2 * mpf('1.0001')
    quarterPi = pi / 4 * mpf('1.0001')
    root = sqrt(mpf(2))

    f = Fit(lambda r: (expm1(r) - r) / r ** 2, lambda r: r ** 2 / exp(r), -half, half)
    emit('expF32', 'exp(r) = 1 + r + r^2 Q(r), |r| <= ln(2)/2.', f, 4, 24)
    emit('expPowF32', 'The same for powf in f64.', f, 5, 53)
    emit('expF64', 'The same for f64.', f, 9, 53)
    part = ln2 / 32 * mpf('1.0001')
    f = Fit(lambda t: expm1(-t) / t, lambda t: abs(t * exp(t)), -part, part)
    emit('expPartF32', 'exp(-t) = 1 + t P(t), |t| <= ln(2)/32.', f, 2, 24)
    expTable()
    f = Fit(lambda r: (expm1(r) - r) / r ** 2, lambda r: abs(r ** 2 / expm1(r)), -half, half)
    emit('expm1F32', 'expm1(r) = r + r^2 Q(r), |r| <= ln(2)/2.', f, 5, 24)
    emit('expm1F64', 'The same for f64.', f, 10, 53)

    f = Fit(lambda x: (log1p(x) - x + x ** 2 / 2) / x ** 3, lambda x: abs(x ** 3 / log1p(x)), 1 / root - 1, root - 1)
    emit('logF32', 'log(1 + f) = f - f^2/2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2).', f, 8, 24)
    # log((1 + s) / (1 - s)) as a function of z = s^2.
    greatest = ((root - 1) / (root + 1)) ** 2 * mpf('1.0001')

    def logRatio(z):
        s = sqrt(z)
        return log1p(s) - log1p(-s)
    f = Fit(lambda z: (logRatio(z) / sqrt(z) - 2) / z, lambda z: z ** mpf('1.5') / logRatio(z), mpf(10) ** -15,
            greatest)
    emit('logF64', 'log((1 + s)/(1 - s)) = 2s + s^3 R(s^2), s = f/(2 + f) for the same f.', f, 6, 53)
    f = Fit(lambda z: logRatio(z) / sqrt(z) / ln2, lambda z: sqrt(z) * ln2 / logRatio(z), mpf(10) ** -15, greatest)
    emit('log2F32', 'log2((1 + s)/(1 - s)) = s R(s^2), for log2 and powf of f32 computed in f64.', f, 5, 53)
    f = Fit(lambda z: (logRatio(z) / sqrt(z) / 2 - 1 - z / 3) / z ** 2, lambda z: z ** 2, mpf(10) ** -15, greatest)
    emit('logTailF64', 'log((1 + s)/(1 - s)) = 2s (1 + z/3 + z^2 T(z)), z = s^2, for f64 pow.', f, 8, 53)

    top = quarterPi ** 2
    f = Fit(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / sin(sqrt(z)), mpf(10) ** -15, top)
    emit('sinF32', 'sin(r) = r + r^3 S(r^2), |r| <= pi/4, for f32 computed in f64.', f, 3, 53)
    emit('sinF64', 'The same for f64.', f, 5, 53)
    f = Fit(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z ** 2, lambda z: z ** 2 / cos(sqrt(z)), mpf(10) ** -15, top)
    emit('cosF32', 'cos(r) = 1 - r^2/2 + r^4 C(r^2), |r| <= pi/4, for f32 computed in f64.', f, 3, 53)
    emit('cosF64', 'The same for f64.', f, 5, 53)

    # In single precision the nearest multiple of pi/2 is not always found: a little further than pi/4.
    top = mpf('0.79') ** 2
    f = Fit(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / sin(sqrt(z)), mpf(10) ** -15, top)
    emit('sinSingle', 'sin(r) = r + r^3 S(r^2), |r| <= 0.79, for f32 computed in f32.', f, 2, 24)
    f = Fit(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z ** 2, lambda z: z ** 2 / cos(sqrt(z)), mpf(10) ** -15, top)
    emit('cosSingle', 'cos(r) = 1 - r^2/2 + r^4 C(r^2), |r| <= 0.79, for f32 computed in f32.', f, 2, 24)
    f = Fit(lambda z: (tan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / tan(sqrt(z)), mpf(10) ** -15, top)
    emit('tanSingle', 'tan(r) = r + r^3 T(r^2), |r| <= 0.79, for f32 computed in f32.', f, 6, 24)

    top = mpf('0.626') ** 2
    f = Fit(lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / tanh(sqrt(z)), mpf(10) ** -15, top)
    emit('tanhF32', 'tanh(x) = x + x^3 P(x^2), |x| <= 0.625.', f, 4, 24)
    emit('tanhF64', 'The same for f64.', f, 10, 53)

    f = Fit(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / atan(sqrt(z)), mpf(10) ** -15,
            mpf(1))
    emit('atanF32', 'atan(t) = t + t^3 P(t^2), |t| <= 1.', f, 8, 24)
    top = (tan(pi / 8) * mpf('1.0001')) ** 2
    f = Fit(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z ** mpf('1.5') / atan(sqrt(z)), mpf(10) ** -15, top)
    emit('atanF64', 'The same for f64, |t| <= tan(pi/8).', f, 11, 53)

    f = Fit(lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), mpf(10) ** -15, mpf(1))
    emit('erfF32', 'erf(x) = x + x P(x^2), |x| <= 1.', f, 6, 24)
    emit('erfF64', 'The same for f64.', f, 12, 53)
    erfTable()
    f = Fit(lambda u: log(erfc(1 + u)), lambda u: erfc(1 + u) / erf(1 + u), mpf(0), mpf(3))
    emit('erfcF32', 'log(1 - erf(1 + u)) = G(u), 0 <= u <= 3.', f, 7, 24)
    f = Fit(lambda u: log(erfc(1 + u)), lambda u: erfc(1 + u) / erf(1 + u), mpf(0), mpf(5))
    emit('erfcF64', 'log(1 - erf(1 + u)) = G(u), 0 <= u <= 5.', f, 19, 53)

    split('ln2F32', 'ln(2) for Cody and Waite: the product of the first part with an exponent is exact.', ln2, [15, 24])
    split('ln2F64', 'The same for f64.', ln2, [41, 53])
    split('log2eF64', '1/ln(2) in two parts.', 1 / ln2, [53, 53])
    split('thirdF64', '1/3 in two parts.', mpf(1) / 3, [53, 53])
    split('halfPiF64', 'pi/2, its first three parts short enough to be multiplied by an integer of 20 bits.', pi / 2,
          [33, 33, 33, 53])
    split('halfPiPairF64', 'pi/2 in two full parts.', pi / 2, [53, 53])
    split('halfPiF32', 'pi/2 in three full parts of f32.', pi / 2, [24, 24, 24])
    split('quarterPiF64', 'pi/4 in two parts.', pi / 4, [53, 53])

    mp.prec = 1400
    words = 20
    bits = int(floor(2 / pi * mpf(2) ** (64 * words)))
    out.append('/// 2/pi as a binary fraction, 64 bits a word, highest first.')
    items = [f'0x{bits >> 64 * (words - 1 - i) & (1 << 64) - 1:016x}' for i in range(words)]
    rows = ['    ' + ', '.join(items[i:i + 5]) for i in range(0, words, 5)]
    out.append('inline constexpr uint64_t twoOverPi[] = {\n' + ',\n'.join(rows) + '};')

    text = ('// Coefficients of the math expansion. Written by derive.py; change that and run it again.\n#pragma once\n\n'
            '#include <cstdint>\n\nnamespace nnf::coefficients {\n\n' + '\n'.join(out) +
            '\n\n} // namespace nnf::coefficients\n')
    path = pathlib.Path(__file__).with_name('Coefficients.h')
    if '--check' in sys.argv[1:]:
        if path.read_text() != text:
            sys.exit(f'{path} is not what derive.py gives')
        return
    path.write_text(text)


main()
