#!/bin/sh
# Quantities of Kubernetes in client libraries: lightkube 1.0.1 (Python), @kubernetes/client-node 2.0.1, client-java 27.0.0
# and fabric8 7.9.0 (Java) each fail, or are wrong, on some that a cluster accepts. kubernetes 37.0.2 (Python) is right.
#
# - lightkube knows no suffixes n and u, but metrics-server gives each CPU usage in n; and no exponent with E.
# - client-node makes a BigInt of what precedes the suffix, which a fraction is not. An API server makes 1536Mi of 1.5Gi
#   in its own kinds, but not in custom resources, and keeps 1.234k (apimachinery-quantity-canonical-form.sh).
# - The Java libraries compute with 16 digits, so 1Ei is rounded. client-java then finds no suffix for it, and cannot send
#   an object back that it has read. fabric8 does not take it for equal to its bytes, and memory that was added up ends
#   in a part of a byte.
#
# Seen:
#   quantity  number               kubernetes  lightkube  client-node  client-java            fabric8
#   156340n   0.00015634           right       error      right        right                  right
#   1E3       1000                 right       error      right        right                  right
#   1.5Gi     1610612736           right       right      error        right                  right
#   1.234k    1234                 right       right      error        right                  right
#   1Ei       1152921504606846976  right       right      right        1152921504606847000    1152921504606847000
#   client-java writes 1Ei: IllegalArgumentException: No suffix for exponent3
#   fabric8 adds 1Gi and 500M: 1.465661287307739Gi, which is 1573741823999999724n
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kubernetes==37.0.2 lightkube==1.0.1
npm install --silent --no-audit --no-fund @kubernetes/client-node@2.0.1
cat > pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.fabric8</groupId><artifactId>kubernetes-model-core</artifactId><version>7.9.0</version>
    </dependency>
    <dependency>
      <groupId>io.kubernetes</groupId><artifactId>client-java-api</artifactId><version>27.0.0</version>
    </dependency>
  </dependencies>
</project>
POM
mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=jars > mvn.log 2>&1 || { cat mvn.log; exit 1; }
cat > by.mjs <<'JS'
import { quantityToScalar } from '@kubernetes/client-node/dist/util.js'
for (const text of process.argv.slice(2)) {
  try { console.log(String(quantityToScalar(text))) } catch { console.log('error') }
}
JS
cat > By.java <<'JAVA'
import io.fabric8.kubernetes.api.model.Quantity;

class By {
    public static void main(String[] texts) {
        for (var text : texts) {
            var clientJava = io.kubernetes.client.custom.Quantity.fromString(text).getNumber().toPlainString();
            System.out.println(clientJava + " " + Quantity.parse(text).getNumericalAmount().toPlainString());
        }
        try {
            System.out.println(io.kubernetes.client.custom.Quantity.fromString("1Ei").toSuffixedString());
        } catch (IllegalArgumentException error) {
            System.out.println("IllegalArgumentException: " + error.getMessage());
        }
        System.out.println(Quantity.parse("1Gi").add(Quantity.parse("500M")));
    }
}
JAVA
exec venv/bin/python - <<'PYTHON'
import subprocess
from decimal import ROUND_CEILING, Decimal

from kubernetes.utils import parse_quantity
from lightkube.utils.quantity import parse_quantity as by_lightkube

NUMBERS = {
    "156340n": Decimal("0.00015634"),
    "1E3": Decimal(1000),
    "1.5Gi": Decimal(1610612736),
    "1.234k": Decimal(1234),
    "1Ei": Decimal(1024**6),
}


def said(*command):
    return subprocess.run([*command, *NUMBERS], capture_output=True, text=True, check=True).stdout.splitlines()


def judged(value, number):
    if value == "error" or Decimal(value) != number:
        return str(value)
    return "right"


def in_python(parse, text):
    try:
        return parse(text)
    except ValueError:
        return "error"


node = said("node", "by.mjs")
*java, written, added = said("java", "-cp", "jars/*", "By.java")
ROW = "{:9} {:20} {:11} {:10} {:12} {:22} {}"
print(ROW.format("quantity", "number", "kubernetes", "lightkube", "client-node", "client-java", "fabric8"))
seen = []
for (text, number), by_node, by_java in zip(NUMBERS.items(), node, java):
    values = in_python(parse_quantity, text), in_python(by_lightkube, text), by_node, *by_java.split(" ")
    seen.append([judged(value, number) for value in values])
    print(ROW.format(text, str(number), *seen[-1]))
print("client-java writes 1Ei:", written)
nano = (Decimal(added.removesuffix("Gi")) * 2**30 * 10**9).to_integral_value(ROUND_CEILING)  # as Kubernetes rounds
print(f"fabric8 adds 1Gi and 500M: {added}, which is {nano}n")
assert seen == [
    ["right", "error", "right", "right", "right"],
    ["right", "error", "right", "right", "right"],
    ["right", "right", "error", "right", "right"],
    ["right", "right", "error", "right", "right"],
    ["right", "right", "right", "1152921504606847000", "1152921504606847000"],
], "something has changed"
assert written == "IllegalArgumentException: No suffix for exponent3", "client-java has changed"
assert added == "1.465661287307739Gi", "fabric8 has changed"
PYTHON
