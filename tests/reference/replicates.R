# What R's survey package makes of the replicate weights that tests/test_r.py writes; needs r-cran-survey.
#
# Rscript replicates.R native FOLDER   R's own designs: FOLDER/native.csv from FOLDER/lonely.csv and pairs.csv; and R's
#                                      api data, apistrat.csv, apiclus1.csv, apiclus2.csv
# Rscript replicates.R given FOLDER    weights as they are given: FOLDER/designs.csv names the designs, CASE.csv holds
#                                      the rows, CASE-DESIGN.f64 the weights or factors, (rows, replicates) by column.
#                                      Writes values.csv, and CASE-DESIGN-estimates.f64, (replicates, rows of values.csv)
#
# Numbers go as 17 digits or as doubles, so that none is rounded on the way.
suppressMessages(library(survey))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[2]
at <- function(...) file.path(folder, paste0(...))
write_table <- function(table, name) {
  for (column in names(table)) {
    if (is.double(table[[column]])) table[[column]] <- sprintf("%.17g", table[[column]])
  }
  write.csv(table, at(name), row.names = FALSE, quote = FALSE)
}

# ---- R's own designs

native <- function() {
  data(api)
  strat <- apistrat[c("stype", "api00", "enroll", "sch.wide", "pw", "fpc")]
  clus1 <- apiclus1[c("dnum", "stype", "api00", "enroll", "sch.wide", "pw", "fpc")]
  clus2 <- data.frame(apiclus2[c("dnum", "snum", "api.stu", "fpc2")], N1 = 60)
  write_table(strat, "apistrat.csv")
  write_table(clus1, "apiclus1.csv")
  write_table(clus2, "apiclus2.csv")
  lonely <- read.csv(at("lonely.csv"))
  pairs <- read.csv(at("pairs.csv"))

  found <- list()
  keep <- function(name, design, formula) {
    total <- svytotal(formula, design)
    mean <- svymean(formula, design)
    found[[length(found) + 1]] <<- data.frame(
      name = name, statistic = c("total", "mean"), value = as.numeric(c(coef(total), coef(mean))),
      se = as.numeric(c(SE(total), SE(mean))), df = degf(design)
    )
  }
  with_fpc <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = strat, fpc = ~fpc)
  without <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = strat)
  keep("apistrat taylor fpc", with_fpc, ~enroll)
  keep("apistrat taylor", without, ~enroll)
  keep("apistrat taylor sch.wide=No", subset(without, sch.wide == "No"), ~enroll)
  keep("apistrat JKn fpc", as.svrepdesign(with_fpc, type = "JKn", mse = TRUE), ~enroll)
  keep("apistrat JKn", as.svrepdesign(without, type = "JKn", mse = TRUE), ~enroll)
  with_fpc <- svydesign(id = ~dnum, weights = ~pw, data = clus1, fpc = ~fpc)
  without <- svydesign(id = ~dnum, weights = ~pw, data = clus1)
  keep("apiclus1 taylor fpc", with_fpc, ~enroll)
  keep("apiclus1 taylor", without, ~enroll)
  keep("apiclus1 JK1 fpc", as.svrepdesign(with_fpc, type = "JK1", mse = TRUE), ~enroll)
  keep("apiclus1 JK1", as.svrepdesign(without, type = "JK1", mse = TRUE), ~enroll)
  keep("apiclus2 taylor two stages", svydesign(id = ~dnum + snum, data = clus2, fpc = ~N1 + fpc2), ~api.stu)
  keep("apiclus2 taylor one stage", svydesign(id = ~dnum, weights = ~I(fpc2 / ave(fpc2, dnum, FUN = length) * 1.5),
                                              data = clus2, fpc = ~N1), ~api.stu)
  keep("pairs taylor", svydesign(id = ~psu, strata = ~stratum, weights = ~w, data = pairs), ~y)
  paired <- svydesign(id = ~psu, strata = ~stratum, weights = ~w, data = pairs)
  keep("pairs BRR", as.svrepdesign(paired, type = "BRR", mse = TRUE), ~y)
  keep("pairs Fay", as.svrepdesign(paired, type = "Fay", fay.rho = 0.3, mse = TRUE), ~y)
  for (rule in c("certainty", "remove", "average", "adjust")) {
    options(survey.lonely.psu = rule)
    design <- svydesign(id = ~psu, strata = ~stratum, weights = ~w, data = lonely)
    keep(paste("lonely taylor", rule), design, ~y)
    keep(paste("lonely JKn", rule), as.svrepdesign(design, type = "JKn", mse = TRUE), ~y)
  }
  write_table(do.call(rbind, found), "native.csv")
}

# ---- measures that survey does not have: theta(w, data)

inverse_cdf <- function(w, y, q) {
  o <- order(y)
  y[o][which(cumsum(w[o]) >= q * sum(w))[1]]
}

lorenz <- function(w, y, p) {
  o <- order(y)
  o <- o[w[o] > 0]
  people <- cumsum(w[o])
  welfare <- cumsum(w[o] * y[o])
  n <- length(o)
  approx(c(0, people / people[n]), c(0, welfare / welfare[n]), p)$y
}

gini <- function(w, y) {
  o <- order(y)
  w <- w[o]
  y <- y[o]
  sum(w * y * (2 * cumsum(w) - w)) / (sum(w) * sum(w * y)) - 1
}

dissimilarity <- function(w, access, group) {
  sums <- rowsum(cbind(w, w * access)[w > 0, , drop = FALSE], group[w > 0])
  total <- colSums(sums)
  sum(abs(sums[, 2] - sums[, 1] * total[2] / total[1])) / (2 * total[2])
}

measures <- function(w, data, q) {
  y <- data$y
  m <- sum(w * y) / sum(w)
  share <- lorenz(w, y, c(0.2, 0.4, 0.5, 0.8, 0.9))
  c(
    gini = gini(w, y), palma = (1 - share[5]) / share[2], quintile_ratio = (1 - share[4]) / share[1],
    "lorenz p=0.2" = share[1], "lorenz p=0.5" = share[3], quantile = inverse_cdf(w, y, q),
    "atkinson epsilon=0.5" = 1 - (sum(w * sqrt(y)) / sum(w))^2 / m,
    "atkinson epsilon=1" = 1 - exp(sum(w * log(y)) / sum(w)) / m,
    "generalized_entropy alpha=0" = -sum(w * log(y / m)) / sum(w),
    "generalized_entropy alpha=1" = sum(w * y / m * log(y / m)) / sum(w),
    "generalized_entropy alpha=2" = (sum(w * (y / m)^2) / sum(w) - 1) / 2
  )
}

# of everybody alone: a domain's line and poorest 40 % are those of the country, a subset's its own
of_all <- function(w, data) {
  poor <- data$y <= inverse_cdf(w, data$y, 0.4)
  line <- 0.6 * inverse_cdf(w, data$y, 0.5)
  gap <- ifelse(data$y < line, 1 - data$y / line, 0)
  c(
    "d_index bottom40" = dissimilarity(w, data$access, 2 * data$group + poor),
    "headcount relative" = sum(w[data$y < line]) / sum(w), "poverty_gap relative" = sum(w * gap) / sum(w),
    "poverty_severity relative" = sum(w * gap^2) / sum(w), "watts relative" = -sum(w * log1p(-gap)) / sum(w),
    "mean_welfare bottom40" = sum((w * data$y)[poor]) / sum(w[poor])
  )
}

# ---- designs given

replicate_design <- function(job, data) {
  given <- function(name) {
    file <- at(job$case, "-", job$design, "-", name, ".f64")
    if (file.exists(file)) readBin(file, "double", job$replicates)
  }
  weights <- readBin(at(job$case, "-", job$design, ".f64"), "double", nrow(data) * job$replicates)
  asked <- list(
    data = data, weights = data$w, repweights = matrix(weights, nrow(data)), type = job$type,
    combined.weights = job$combined, mse = job$mse, rscales = given("rscales")
  )
  if (!is.na(job$scale)) asked$scale <- job$scale
  if (!is.na(job$rho)) asked$rho <- job$rho
  if (!is.na(job$average)) asked$bootstrap.average <- job$average
  fractions <- given("fractions")
  if (!is.null(fractions)) asked <- c(asked, list(fpc = fractions, fpctype = "fraction"))
  suppressWarnings(do.call(svrepdesign, asked))  # it warns of what it takes from the factors, as asked
}

evaluate <- function(job, design, level, q) {
  taken <- list()
  keep <- function(names, result, replicates) {
    value <- as.numeric(result)
    taken[[length(taken) + 1]] <<- list(
      names = names, value = value, se = sqrt(diag(as.matrix(attr(result, "var")))), all = matrix(replicates, ncol = length(value))
    )
  }
  plain <- c("y", "poor", "gap", "gap2", "watts", "access")
  found <- svymean(reformulate(plain), design, return.replicates = TRUE)
  keep(c("mean_welfare", "headcount", "poverty_gap", "poverty_severity", "watts", "access"), found$mean, found$replicates)
  found <- svytotal(~t, design, return.replicates = TRUE)
  keep("transfer_cost", found$mean, found$replicates)  # a total's name is mean as well
  found <- svyratio(~t, ~y, design, return.replicates = TRUE)
  ratio <- structure(as.numeric(found$ratio), var = as.matrix(found$var))
  keep("consumption_gain", ratio, found$replicates)
  if (all(colSums(weights(design, "analysis")) > 0)) {
    found <- withReplicates(design, measures, return.replicates = TRUE, q = q)
    keep(names(found$theta), found$theta, found$replicates)
    # Alone: R leaves out a replicate for all of a vector where one of its values is NaN.
    found <- withReplicates(design, function(w, data) dissimilarity(w, data$access, data$group), return.replicates = TRUE)
    keep("d_index", found$theta, found$replicates)
  }
  if (level == "all") {
    found <- withReplicates(design, of_all, return.replicates = TRUE)
    keep(names(found$theta), found$theta, found$replicates)
  }
  list(
    rows = data.frame(
      case = job$case, design = job$design, level = level, statistic = unlist(lapply(taken, `[[`, "names")),
      value = unlist(lapply(taken, `[[`, "value")), se = unlist(lapply(taken, `[[`, "se")), df = degf(design)
    ),
    estimates = do.call(cbind, lapply(taken, `[[`, "all"))
  )
}

given <- function() {
  designs <- read.csv(at("designs.csv"))
  rows <- list()
  for (i in seq_len(nrow(designs))) {
    job <- designs[i, ]
    data <- read.csv(at(job$case, ".csv"))
    gap <- ifelse(data$y < job$line, 1 - data$y / job$line, 0)
    data <- data.frame(data, poor = as.numeric(data$y < job$line), gap = gap, gap2 = gap^2, watts = -log1p(-gap))
    design <- replicate_design(job, data)
    found <- list(evaluate(job, design, "all", job$q))
    for (level in sort(unique(data$level))) {
      found <- c(found, list(evaluate(job, design[design$variables$level == level, ], level, job$q)))
    }
    writeBin(as.vector(do.call(cbind, lapply(found, `[[`, "estimates"))), at(job$case, "-", job$design, "-estimates.f64"))
    rows <- c(rows, lapply(found, `[[`, "rows"))
  }
  write_table(do.call(rbind, rows), "values.csv")
}

switch(arguments[1], native = native(), given = given())
writeLines(paste0("R ", getRversion(), ", survey ", packageVersion("survey")), at("versions.txt"))
