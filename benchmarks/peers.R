# What users of R's survey package would write. peers.py talks with it: a line in is a thing to do, a line out says done.
# Rscript peers.R FOLDER HOUSEHOLDS PSUS REPLICATES
suppressMessages(library(survey))
arguments <- commandArgs(TRUE)
path <- function(name) file.path(arguments[1], name)
n <- as.integer(arguments[2:4])
names <- c("psu", "people", "cons", "access", "cell")
columns <- readBin(path("columns"), "double", n[1] * length(names))
data <- as.data.frame(matrix(columns, n[1], dimnames = list(NULL, names)))
data$f0 <- as.numeric(data$cons < 2.15)
data$f1 <- pmax((2.15 - data$cons) / 2.15, 0)
data$f2 <- data$f1^2

# degf is given, for svrepdesign would otherwise take it from a decomposition of the whole matrix of weights.
factors <- matrix(readBin(path("factors"), "double", n[2] * n[3]), n[2])
design <- svrepdesign(data = data, weights = ~people, repweights = factors[data$psu + 1, ], type = "bootstrap",
                      combined.weights = FALSE, degf = n[2] - 1)

gini <- function(w, d) {
  of <- order(d$cons)
  y <- d$cons[of]
  w <- w[of]
  below <- cumsum(w)
  (2 * sum(w * y * below) - sum(w^2 * y)) / (below[length(w)] * sum(w * y)) - 1
}
dissimilarity <- function(w, d) {
  by <- rowsum(cbind(w, w * d$access), d$cell, reorder = FALSE)
  mean <- sum(by[, 2]) / sum(by[, 1])
  sum(abs(by[, 2] - mean * by[, 1])) / (2 * sum(by[, 2]))
}
commands <- list(
  "FGT 0, 1, 2" = function() found <<- svymean(~ f0 + f1 + f2, design, return.replicates = TRUE),
  "Gini" = function() found <<- withReplicates(design, gini, return.replicates = TRUE),
  "D over all cells" = function() found <<- withReplicates(design, dissimilarity, return.replicates = TRUE),
  "keep" = function() writeBin(as.double(found$replicates), path("found"))
)
asked <- file("stdin", "r")
while (length(line <- readLines(asked, 1))) {
  commands[[line]]()
  cat("done\n")
  flush(stdout())
}
